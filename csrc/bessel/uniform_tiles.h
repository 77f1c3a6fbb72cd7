#pragma once
// Written by tools/make_uniform_tiles.py: do not edit.
//
// U_I and U_K of debye.h as polynomials in r = 1/w (outer) and an angle q (inner), both scaled to
// [-1, 1]; q = (v/w)^2 in tile 0, below it v/w for I and x/w for K. Absolute error below 2^-54.

#include "core/jet.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <char Kind, int Tile>
struct UniformTile;

/// 25 <= w <= 60: 127 coefficients.
template <>
struct UniformTile<'i', 0> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(85.71428571428571), T(-2.4285714285714284));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.f2fc32b80b5dep-53, 0x1.8efc28145de8ap-47, -0x1.c6e6423f6caf2p-46,
                  -0x1.bbff262d385f9p-44, 0x1.9ce8e532921edp-43, 0x1.d6ea2d1c580aap-43,
                  -0x1.9034b321c5a7fp-42, -0x1.1754b20893448p-43, 0x1.c2acf1cab96f0p-43);
    u = fma(u, s, horner(q, -0x1.6e7d90e0b0620p-46, 0x1.695f13d48a3abp-45, 0x1.4d65882a872b1p-42,
                  -0x1.79c824d4d28c9p-41, -0x1.5adc3f0e6744bp-42, 0x1.91341615ff5a6p-40,
                  -0x1.5fe7f08031edbp-42, -0x1.42805a9cdec79p-41, -0x1.34d650b16cd12p-41,
                  0x1.881333724186fp-42, 0x1.0d5b5c0660858p-40, -0x1.64900e8997e94p-41));
    u = fma(u, s, horner(q, -0x1.7c260dff1bcc6p-44, -0x1.a0daa84c7774cp-39, 0x1.c351c90f43d94p-38,
                  0x1.c0aaff108de49p-38, -0x1.5ff9df9087cd9p-36, 0x1.04b7600cbc3b0p-37,
                  0x1.173fe93b354dcp-37, -0x1.464a1d14ae470p-37, 0x1.9d53d9d810e4cp-38,
                  -0x1.313437779e846p-40, 0x1.e5a4d2abf641dp-43, -0x1.088cd6d9fcb1ep-39,
                  0x1.2bd87d55d7dfcp-40));
    u = fma(u, s, horner(q, 0x1.aafdf8ab809e9p-36, -0x1.1f07a7d181574p-34, -0x1.2a1e619065026p-33,
                  0x1.709259528eef8p-32, -0x1.20d544eb94268p-35, -0x1.f4380181bb5eep-33,
                  0x1.4712d1538eb0ap-33, -0x1.299bc83a0637ep-34, 0x1.1509ec9ef3db4p-35,
                  -0x1.dda23aae71aecp-37, 0x1.1954a7d9e29bcp-40, 0x1.12b73eada69bap-41,
                  0x1.2f147222128fbp-39, -0x1.4042508658157p-40));
    u = fma(u, s, horner(q, 0x1.5bde7568bb0f3p-31, 0x1.7b823189a60f1p-29, -0x1.d0cfa368e2b0cp-28,
                  -0x1.2545358855f91p-30, 0x1.c0d115dcb50a4p-28, -0x1.812e6868d6d1bp-29,
                  0x1.f84882ff039d1p-31, -0x1.32d1d1ea57514p-32, 0x1.745d952025e48p-34,
                  -0x1.150d0baed737cp-35, 0x1.a2b4390335820p-37, 0x1.320cc4fa6aeb6p-41,
                  -0x1.49457fe47a3e9p-40, -0x1.d2ab4a591516ap-40, 0x1.e3e4de37fe6dap-41));
    u = fma(u, s, horner(q, -0x1.eb203c1199395p-25, 0x1.7cf531d1a002bp-23, 0x1.1b15d56d240fdp-24,
                  -0x1.f0b2f45694566p-23, 0x1.029cf21cd00c9p-24, -0x1.c60c68950ab33p-27,
                  0x1.90168e533e31dp-29, -0x1.72fb807062ac7p-31, 0x1.664183e0d6834p-33,
                  -0x1.6bdf0b2b115bdp-35, 0x1.28b40ab45bda9p-36, -0x1.da4ab413bb0a7p-38,
                  -0x1.d7ceda612e9a9p-40, 0x1.7b06dde66d068p-40, 0x1.08596091ed28bp-40,
                  -0x1.164f2c1200a86p-41));
    u = fma(u, s, horner(q, -0x1.c768e840286f6p-18, -0x1.c338e3517bf21p-19, 0x1.94fc2ee8f22e7p-17,
                  -0x1.ae79cb1042d5cp-20, 0x1.c85f8db706d40p-23, -0x1.0cd1045772573p-25,
                  0x1.649251e0d369ap-28, -0x1.097881c9d310fp-30, 0x1.b7498dd93dfbep-33,
                  -0x1.74ca8ed4a24d6p-35, 0x1.6db9b16e715eap-37, -0x1.b4227463af7e3p-38,
                  0x1.9d5ca5df46423p-40, 0x1.96ad1c286df0ap-40, -0x1.2741f36e07189p-45,
                  -0x1.d6788af6abc9fp-42));
    u = fma(u, s, horner(q, 0x1.bac9d821f84eap-13, -0x1.43a31ae10c587p-10, 0x1.def47c7f4c22ap-15,
                  -0x1.ffa60814fcba7p-19, 0x1.6a1601a17183ep-22, -0x1.402dcf7d691b8p-25,
                  0x1.5413d0129dd09p-28, -0x1.a5ce1de8c7930p-31, 0x1.2cf3678b99656p-33,
                  -0x1.e7d2f8f8a3bdap-36, 0x1.6435d4e60b77bp-38, -0x1.c23087b6eca0ap-41,
                  0x1.1e726fd96b6cap-40, -0x1.210bca2d8b83ap-41, -0x1.124e0db89fc9cp-43,
                  0x1.78d6f2aa29930p-44));
    u = fma(u, s, horner(q, 0x1.00242c2b7764fp+0, -0x1.8611b7923e436p-9, 0x1.1fe8a737343ddp-14,
                  -0x1.9932f9ae25163p-19, 0x1.b1a95ccbc88d2p-23, -0x1.3270d93d32a32p-26,
                  0x1.0f1cf429cfcd2p-29, -0x1.202c54c684aafp-32, 0x1.65dd5e9783090p-35,
                  -0x1.09211c640b35bp-37, 0x1.a85dbe91fe8acp-40, 0x1.3295100344940p-45,
                  0x1.14b5b9f74d9dbp-45, -0x1.06d5abb6008c2p-42, 0x1.77636c7ecd6afp-46,
                  0x1.bb943bcb0f43cp-45));
    return u;
  }
};

/// 12.5 <= w <= 25: 196 coefficients.
template <>
struct UniformTile<'i', 1> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(50.0), T(-3.0));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, -0x1.755e0556c7d96p-48, 0x1.541857126e2bep-46, 0x1.48071ec0a3addp-44,
                  -0x1.27763e5d6d7edp-43, -0x1.e264461af7db9p-44, 0x1.5e589f1f06c27p-43);
    u = fma(u, s, horner(q, 0x1.1a66e426f49f6p-48, 0x1.a72484801a2d7p-46, -0x1.41815af73d546p-42,
                  -0x1.543f1326d8596p-50, 0x1.3e0781b01b759p-39, -0x1.bfb09323c768dp-40,
                  -0x1.478e700150545p-38, 0x1.271785ce59ec0p-38, 0x1.719ecb91debf6p-39,
                  -0x1.6ab0fa06ec94dp-39));
    u = fma(u, s, horner(q, -0x1.56c4fe277cd6cp-48, 0x1.2b09a08d30628p-43, -0x1.a4806ffc94858p-43,
                  -0x1.46fa1e40952c7p-39, 0x1.9c5d9a33a3f66p-38, 0x1.3d5bd920949e6p-39,
                  -0x1.6962d5e17072fp-36, 0x1.301007e62a733p-36, 0x1.1aa12cffc05d6p-36,
                  -0x1.0d8a41503117bp-35, 0x1.72f4bdc312a6bp-38, 0x1.c58a5d0389847p-37,
                  -0x1.ab1b680fe3d20p-38));
    u = fma(u, s, horner(q, -0x1.b79a9d1626c61p-43, -0x1.be1bce9b7ddc7p-41, 0x1.4af6b6734333cp-37,
                  -0x1.76fc56fda022fp-37, -0x1.3fd1883a2e902p-35, 0x1.4ef5a8a56686ap-34,
                  -0x1.4a5e70ead51dcp-38, -0x1.8b55c637c7e18p-34, 0x1.8ce1013075896p-34,
                  -0x1.33d7efb50d1e1p-35, -0x1.8ad3bd1aa33fcp-35, 0x1.7577cdcb771e2p-34,
                  -0x1.ce63e719a3c38p-36, -0x1.e07589ff332aep-36, 0x1.0e05b913eaca5p-36));
    u = fma(u, s, horner(q, 0x1.dbafc139bb945p-40, -0x1.a64f88993d9d7p-36, 0x1.84d360732f0c5p-36,
                  0x1.7f2e4f305734ep-33, -0x1.61345c2eeaba3p-32, -0x1.0cf7df51770aep-33,
                  0x1.6041b373ef0a5p-31, -0x1.921dcdc198913p-32, -0x1.0d40224356292p-32,
                  0x1.aad9097ad56ccp-32, -0x1.891da82e3c5fbp-33, 0x1.15729762af0c2p-35,
                  0x1.fcd6a3a47bad1p-35, -0x1.107b6f832cd37p-33, 0x1.eb4b4b04b36ccp-35,
                  0x1.e89c1b602faa7p-36, -0x1.515f08d89096fp-36));
    u = fma(u, s, horner(q, 0x1.b04746d7c2a1ep-35, -0x1.d19d89e13185bp-35, -0x1.ccfc0b4b49b24p-31,
                  0x1.92242b02e291dp-30, 0x1.74ac67972d3fap-30, -0x1.06596bdd9b94fp-28,
                  0x1.e390dc3b0c937p-31, 0x1.59ff17139824ep-29, -0x1.2581267073323p-29,
                  0x1.bbec19029e99ap-32, 0x1.406c32edc4ed7p-31, -0x1.86159d5325e80p-31,
                  0x1.7cd844972fa61p-32, 0x1.4db164f70174ap-35, -0x1.165288652c37ep-33,
                  0x1.cbaf1973485ccp-35, -0x1.014b6e3278a78p-37));
    u = fma(u, s, horner(q, 0x1.a55da41183956p-33, 0x1.0adbf3b3502b3p-28, -0x1.2af25870560ddp-27,
                  -0x1.5180b5c870f32p-27, 0x1.c531e201b9fa3p-26, -0x1.32d4beb484fc9p-31,
                  -0x1.6fc4520b5d91ap-26, 0x1.6ccb15b55d5d6p-27, 0x1.613a45ce43e12p-29,
                  -0x1.717f774ec84e0p-28, 0x1.872011d148aa6p-29, -0x1.0aeafce7a5d10p-31,
                  -0x1.f80ec7943396ap-32, 0x1.2a2d04881893dp-31, -0x1.4393ee36d617ep-32,
                  0x1.52f0fa4135cfcp-34, 0x1.53c8554500a0ep-36, -0x1.81977e68bbc4fp-35,
                  0x1.4cdc6de8db41cp-36));
    u = fma(u, s, horner(q, -0x1.0aa686dc7bb52p-26, 0x1.22b746bf5ca8cp-24, 0x1.04ccf53d90cb7p-24,
                  -0x1.fcaff91bc2982p-23, -0x1.ce34eec033035p-31, 0x1.a2a77ac7be400p-23,
                  -0x1.f17c316cbcc74p-25, -0x1.4533fdf91fd42p-25, 0x1.3a61b92e872dcp-25,
                  -0x1.865967e0d6bfdp-27, -0x1.22d535bd121a6p-29, 0x1.229ecceb89c80p-28,
                  -0x1.4e7f611069fd9p-29, 0x1.86278f97efbcap-31, 0x1.4e25f73671e57p-34,
                  -0x1.fd9724e1022d1p-33, 0x1.3152d0a1275dap-33, -0x1.20dd6566e9e29p-35, 0x0.0p+0));
    u = fma(u, s, horner(q, -0x1.39d8806851c2fp-21, -0x1.4f499a53371d7p-23, 0x1.88cb7d09aaaafp-19,
                  -0x1.1b9f3a0081b7dp-21, -0x1.32a5843b658b2p-19, 0x1.f9561dbdbafabp-22,
                  0x1.9546efe980593p-22, -0x1.141aea26b6c24p-22, 0x1.98983762c4384p-25,
                  0x1.b66f4e0ec41b2p-26, -0x1.9753bd25aa0d8p-26, 0x1.3c354827de855p-27,
                  -0x1.2afc4c1b5595cp-30, -0x1.2039ea284b113p-30, 0x1.c9ca8ad6d1ae3p-31,
                  -0x1.e1dc28451bcc3p-32, 0x1.cb23bc21bcf24p-33, -0x1.d2b62f1846f9dp-39,
                  -0x1.14424dc7c91b7p-34, 0x1.77243ae9d7273p-36));
    u = fma(u, s, horner(q, -0x1.0dec08c745bf9p-17, -0x1.aa6b9e0d87ce4p-15, 0x1.0a0bab3af2b7dp-15,
                  0x1.3e37008ac035dp-15, -0x1.f7133aa4dd359p-18, -0x1.c79c8e8aba89cp-19,
                  0x1.1a1a792358023p-19, -0x1.6f8eb4b0d2dfap-22, -0x1.3607e1cd126a2p-23,
                  0x1.ef128db13b53cp-24, -0x1.35014bd055541p-25, 0x1.932814fcd70bfp-30,
                  0x1.501b985fef7eep-28, -0x1.ae61619491fbcp-29, 0x1.1febd90e8d4d0p-30,
                  -0x1.05dc23d659975p-33, -0x1.eee8ade3c3b8ap-35, 0x1.f886e4168d084p-35,
                  -0x1.a3f6c98e05df2p-35, 0x1.1e75717cd682bp-36));
    u = fma(u, s, horner(q, 0x1.7555a4c2e53b1p-10, -0x1.37bc5d27e9060p-9, -0x1.e322f51a3edd1p-11,
                  0x1.d07718605da42p-13, 0x1.286198a85175dp-17, -0x1.09915e37e7b4bp-16,
                  0x1.d69e54a5bfdb7p-19, 0x1.228b4ba23e431p-22, -0x1.cc2faea742a11p-22,
                  0x1.2951f0ac79a01p-23, -0x1.66114228ba103p-27, -0x1.9d7c9d127bbf8p-27,
                  0x1.f39e1157f79fdp-28, -0x1.304667dc33310p-29, 0x1.36b389e31f0d7p-32,
                  0x1.7dc7e83b68831p-33, -0x1.d15c08efe9623p-33, 0x1.8b776b8ab69e5p-34,
                  0x1.5e46a13a0b7c8p-38, -0x1.56b862dadd668p-37));
    u = fma(u, s, horner(q, 0x1.011bcb6c63814p+0, -0x1.b631f6566bd42p-8, -0x1.86401c3d8267bp-9,
                  0x1.54aa934f77ad8p-12, 0x1.3933a814289a2p-15, -0x1.2e0a4c79ae88ap-16,
                  0x1.e7f46103c0263p-20, 0x1.568c27a18e5a2p-21, -0x1.4fc78da2b34dcp-22,
                  0x1.b3ffb1626de09p-25, 0x1.52ac77ddb4ea7p-27, -0x1.389472369c987p-27,
                  0x1.91ee450d7b3ddp-29, -0x1.6828a17d51314p-32, -0x1.6011bf0cced4fp-33,
                  0x1.12760a80f605dp-33, -0x1.4b463235ab29dp-34, 0x1.a54f92c6b6d17p-36,
                  0x1.37f1e68d67fb5p-37, -0x1.a45ac3b742847p-38));
    return u;
  }
};

/// 6 <= w <= 12.5: 282 coefficients.
template <>
struct UniformTile<'i', 2> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(23.076923076923077), T(-2.8461538461538463));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.1c81e8ab9d30fp-45, 0x1.815a8a7f63187p-41, -0x1.fccc70f619b37p-41,
                  -0x1.282abe3765409p-39, 0x1.4fcc71dbea683p-39);
    u = fma(u, s, horner(q, 0x1.2841198204350p-47, -0x1.3af444b175db4p-42, -0x1.192dc84188651p-41,
                  0x1.57f6287701e2cp-38, 0x1.525db7db435afp-39, -0x1.a8e2e5b369042p-36,
                  0x1.2f18dfd5ddaf0p-37, 0x1.eb3d2a93ae5d9p-36, -0x1.4d1199cae8b18p-36));
    u = fma(u, s, horner(q, -0x1.211390c3aae64p-43, -0x1.7b8643a84ad77p-39, 0x1.57fd72df658fbp-38,
                  0x1.970cc9d55549bp-38, -0x1.034b9cd070751p-36, 0x1.83caa0951d424p-38,
                  0x1.a4ba6674d99acp-37, 0x1.ff272198ad0e2p-36, -0x1.8261a2c887bb8p-34,
                  0x1.ec48c3422ad59p-38, 0x1.7d16786e761fdp-34, -0x1.92b7791f52d85p-35));
    u = fma(u, s, horner(q, 0x1.d7cee6ea811b3p-45, 0x1.4b6797ac48a20p-41, 0x1.08db0cc0b7f7cp-40,
                  -0x1.682eab0dfe547p-38, -0x1.b05095fd92072p-35, 0x1.00fe43f4b2ac9p-33,
                  0x1.fd5a68323044ep-35, -0x1.e9a672bc9522ap-33, -0x1.2b8bd966510b2p-41,
                  0x1.eb05d9196144dp-37, 0x1.306c89ea19e26p-32, -0x1.f5ab3badd21f6p-34,
                  -0x1.a55f679403745p-33, 0x1.fe71937474c5ep-34));
    u = fma(u, s, horner(q, -0x1.1f0af3819ff34p-43, 0x1.3b2595b3c400dp-37, -0x1.ad307930dee39p-36,
                  -0x1.411c284131b4bp-37, 0x1.1cff52cb5bb9ap-33, -0x1.06c07b5f1118ep-32,
                  0x1.e907d0c8cbf93p-33, -0x1.4187b9a1c02acp-33, -0x1.1d64cd83b7f3cp-33,
                  0x1.d9ff01a6d61f3p-32, -0x1.318ec4f7f7ea0p-33, 0x1.403ef7ee9e8d7p-35,
                  -0x1.0d13632873d20p-31, 0x1.1f844d6508ab9p-32, 0x1.0e457aa7e461bp-32,
                  -0x1.5bddb41ee1997p-33));
    u = fma(u, s, horner(q, -0x1.a8251e6a597f0p-40, -0x1.43a6af15c220ep-37, 0x1.b3f1789fb415ap-34,
                  -0x1.2472868712238p-32, 0x1.2422f23719701p-32, 0x1.2b244714ae1c9p-32,
                  -0x1.711d049ff3416p-30, 0x1.da0c217151dd3p-30, -0x1.05b160271a83ep-31,
                  -0x1.3c1ccabeec82fp-31, -0x1.195602e7bc1bfp-37, 0x1.cb7928f7cd577p-32,
                  0x1.091e0c74bb112p-31, -0x1.3912be9660e2dp-30, 0x1.1c3273fa2ff7bp-31,
                  0x1.d93efe1d7e385p-33, -0x1.83eebb5e0aedfp-33));
    u = fma(u, s, horner(q, 0x1.36a37b54a08b7p-36, -0x1.087cab628b6dep-33, 0x1.4519dcdfe2a51p-35,
                  0x1.2ceba23df5efbp-30, -0x1.835799e6e3840p-29, 0x1.5cc578de60d31p-29,
                  0x1.ab51ac5febc72p-32, -0x1.c7f85d3bb1496p-29, 0x1.3d4ab0f74e5a7p-28,
                  -0x1.f477aa0cbe08bp-29, 0x1.5e41c55af985ep-31, 0x1.d5d4add68f202p-32,
                  0x1.0ad2938347ec1p-30, -0x1.951e1c71bb492p-32, -0x1.418d602d42dd7p-30,
                  0x1.bd0b5d6afb8b1p-31, -0x1.c1178b55ff183p-34));
    u = fma(u, s, horner(q, -0x1.9ab84a27982bcp-38, 0x1.7ce0e6ee41f50p-31, -0x1.979348aa10d6ep-29,
                  0x1.7bf71b768d09cp-29, 0x1.8d55db075569cp-28, -0x1.12f13015fda7bp-26,
                  0x1.0ec701e8c5f50p-26, -0x1.9b621c899fbcdp-28, -0x1.285a9c50a4487p-28,
                  0x1.33d291ea5c799p-27, -0x1.ea45e44a9bccbp-28, 0x1.da896b6954228p-29,
                  -0x1.2018f08f36984p-29, 0x1.f1d01f81b30afp-30, -0x1.90ed157b8ac8ep-31,
                  -0x1.a54b21b3d16e9p-34, 0x1.7cd353fe300fdp-32, -0x1.f2be58013865dp-32,
                  0x1.d5ff4d9fbef73p-33));
    u = fma(u, s, horner(q, -0x1.a8b3f0fe4fa10p-31, 0x1.18cab53ca6f61p-29, 0x1.34427301010e4p-27,
                  -0x1.39685d86a3a3dp-25, 0x1.4728431010791p-25, 0x1.2d21907a7d99cp-27,
                  -0x1.c7920bfce3958p-25, 0x1.e13c38fad9f86p-25, -0x1.20b655e1aa108p-25,
                  0x1.57f6408b3f19fp-27, 0x1.39506f2722ffcp-28, -0x1.215d8d0e8c960p-27,
                  0x1.afe5a2972d950p-28, -0x1.1af7107466d4ep-28, 0x1.37c4a8e12274cp-29,
                  -0x1.4c2b502038460p-30, 0x1.6cc3d0c10c11cp-30, -0x1.26995b4776283p-31,
                  -0x1.9fcc716547219p-32, 0x1.f4cdf3c4ebe37p-33));
    u = fma(u, s, horner(q, 0x1.0fbb35d0b08e3p-29, -0x1.24bc714e698d2p-25, 0x1.4175f071fafabp-24,
                  0x1.0ba3aec8b373dp-25, -0x1.fa4935b01b408p-23, 0x1.0b8754bdb6ebcp-22,
                  -0x1.41385f9dead23p-24, -0x1.274c341a98d88p-24, 0x1.d42e162992f88p-24,
                  -0x1.6ddd041c924f6p-24, 0x1.8fdf377db5465p-25, -0x1.34faa190fa9dfp-26,
                  0x1.ca09dfe29ea8dp-29, 0x1.5251ca7a8e87ep-29, -0x1.9394e14cac3fbp-29,
                  0x1.5ef11b6a8eccdp-30, -0x1.3d6fa40e1429bp-30, 0x1.ad145db605e11p-30,
                  -0x1.9acdae5a4e6f1p-31, 0x1.221fee22f12edp-34));
    u = fma(u, s, horner(q, 0x1.aab86f569d2b8p-25, -0x1.c6d6834d0f62cp-25, -0x1.06395bacfac10p-21,
                  0x1.0a0391604a05fp-20, -0x1.268c45f990781p-22, -0x1.81a0f59b1fec0p-21,
                  0x1.c051d074f33a1p-21, -0x1.f39e94596a9cdp-22, 0x1.fee04925cd41ep-24,
                  0x1.aa23459d73e34p-25, -0x1.73254281e196dp-24, 0x1.21a9a6aa29306p-24,
                  -0x1.5e481fd244b49p-25, 0x1.6e6c7224b0ebdp-26, -0x1.e50fde9399fd3p-28,
                  0x1.3f1053a7929afp-32, -0x1.5f2207c96e212p-30, 0x1.c7d42e75f37f7p-30,
                  0x1.e170e05d0fe63p-32, -0x1.06c8f8c3110bbp-30, 0x1.2112937238ae9p-32));
    u = fma(u, s, horner(q, -0x1.d5088fd8f0930p-24, 0x1.1f5d262d21c54p-19, -0x1.89946a8fdf5a5p-19,
                  -0x1.4fabe59b37223p-19, 0x1.84dc469728916p-18, -0x1.71526f8efcb2bp-19,
                  -0x1.bc9ea0a006f0ep-23, 0x1.3848e4e16161dp-20, -0x1.0221d945838dfp-20,
                  0x1.157c8b8c78751p-21, -0x1.aa39c96ff5ebfp-23, 0x1.72e111c667b13p-25,
                  0x1.7c8b18167e696p-27, -0x1.6dfa6387f4312p-26, 0x1.1c16de6745c47p-26,
                  -0x1.2aedf6368dfb4p-27, 0x1.0ab461750b539p-28, -0x1.4f14072a46e21p-29,
                  0x1.ab4260ff90a51p-30, -0x1.04fb33add596bp-31, -0x1.1bae6dd6a6084p-34,
                  0x1.191ccc6007411p-34));
    u = fma(u, s, horner(q, -0x1.f1b51ecb75a01p-18, 0x1.4d25b00690665p-17, 0x1.a9c5f033cca12p-16,
                  -0x1.1a3067fa7245cp-15, -0x1.2f37ebbd4236ep-28, 0x1.892a2186e63b2p-17,
                  -0x1.1c0e0eed74fccp-17, 0x1.c397e6f5952f6p-19, -0x1.24f57f764bb59p-21,
                  -0x1.8ad3e16031276p-22, 0x1.d04985a5eeec2p-22, -0x1.2b0859c06d2bdp-22,
                  0x1.2cdeb9a0f4ccdp-23, -0x1.02de6656aa2f7p-24, 0x1.64364b369bc70p-26,
                  -0x1.9f1acb224516dp-29, -0x1.b96f7c85e6730p-31, -0x1.0e71568b7346dp-31,
                  0x1.1a77b2f7765b1p-33, 0x1.eb86bdee9c421p-31, -0x1.7182d0524c29dp-31,
                  0x1.3e97a269438bep-33));
    u = fma(u, s, horner(q, -0x1.1b61861c8a52dp-14, -0x1.d12acd904b69bp-13, 0x1.24e785db2d539p-12,
                  0x1.6a3a5c2d4aa91p-14, -0x1.a1864f0b88715p-14, 0x1.39122405b4f7cp-15,
                  -0x1.d4021d017ad09p-19, -0x1.50b62afaabe49p-18, 0x1.1dd93f6920157p-18,
                  -0x1.2334d5304d2f7p-19, 0x1.b9133be673e33p-21, -0x1.d60ce56ce240bp-23,
                  0x1.0bb98484a3272p-26, 0x1.f47a42e403151p-26, -0x1.c9ad99bc35612p-26,
                  0x1.0c6874f9cc103p-26, -0x1.e1bfae18f17a9p-28, 0x1.a780a5d8c14cfp-29,
                  -0x1.e1a9a52226eb7p-30, 0x1.8c73dbdc34fb8p-31, -0x1.38a283403ffc9p-35,
                  -0x1.b16d95bd7ca8bp-35));
    u = fma(u, s, horner(q, 0x1.807a93a8ab439p-9, -0x1.7ea2b39931985p-8, -0x1.661e7a54bc20fp-10,
                  0x1.d6b5859422f84p-11, -0x1.abe90d1b8ed49p-13, -0x1.6f67cfbe61e30p-17,
                  0x1.0b8c673139938p-15, -0x1.185cd5bca3c86p-16, 0x1.778c23835a403p-18,
                  -0x1.2343466730825p-20, -0x1.34a0c43a895d2p-23, 0x1.26b6f2e2ddcf4p-22,
                  -0x1.74e34c856ef63p-23, 0x1.62a37a9a7cc8ep-24, -0x1.1cf6fbf093f51p-25,
                  0x1.7318939767691p-27, -0x1.2fae73a99f9dfp-29, 0x1.825a1ed03a540p-32,
                  -0x1.592e7dc48740fp-32, -0x1.f3cf99df0064fp-35, 0x1.43066688e40d5p-32,
                  -0x1.47844131ee244p-33, 0x1.695178d4b1220p-36));
    u = fma(u, s, horner(q, 0x1.023cc0d08254bp+0, -0x1.e27eb4ab56503p-7, -0x1.6742bed1936cfp-8,
                  0x1.65c2a7f50c84fp-10, -0x1.35ebff269aea4p-14, -0x1.2b1634fa9a974p-14,
                  0x1.2b667763e8bfbp-15, -0x1.405e56995a538p-17, 0x1.f6fd8b8413331p-21,
                  0x1.5b789782abf7dp-21, -0x1.143ea0b04b6c6p-21, 0x1.ff5411c10ff72p-23,
                  -0x1.69677e4f1e205p-24, 0x1.85060f2dda471p-26, -0x1.d38afa4feb469p-29,
                  -0x1.18cbf11aef6a9p-30, 0x1.7241763053eafp-30, -0x1.a5dfa6d566526p-31,
                  0x1.3bf0dc6afec38p-32, -0x1.3ab6e3bd08621p-33, 0x1.94de446d8e976p-34,
                  -0x1.c5b250ab5754ap-36, 0x0.0p+0));
    return u;
  }
};

/// 25 <= w <= 60: 101 coefficients.
template <>
struct UniformTile<'k', 0> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(85.71428571428571), T(-2.4285714285714284));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.0983dda1234d1p-48, 0x1.1e9b30aa3f3b8p-44, -0x1.225c6930d8d57p-43,
                  -0x1.30a8fbd3d8826p-42, 0x1.07d9c4448c26cp-41, 0x1.1a4bc34b7c006p-42,
                  -0x1.fc3bcff4e189fp-42, -0x1.1e81e7994956ep-45, 0x1.adc1b5f78b49ap-44);
    u = fma(u, s, horner(q, 0x1.88d13d0381111p-42, -0x1.04a722595b4fap-39, -0x1.748c423ac1326p-39,
                  0x1.3a6fefe5b5cbap-37, 0x1.91bdb9c6c250dp-39, -0x1.3c544fd2ba103p-37,
                  -0x1.599323ce062d5p-40, 0x1.639732eae6a8ep-41, 0x1.87799a121a83bp-41,
                  0x1.e1a9b6897012bp-41, 0x1.bbde3a94e07a8p-42));
    u = fma(u, s, horner(q, -0x1.4cad2cd93a324p-36, -0x1.e3a81394ef94fp-37, 0x1.7ccb4bf3f958ap-33,
                  -0x1.c988d176efe1ep-36, -0x1.ebd0206f66c5ap-33, 0x1.1d75c197654efp-35,
                  0x1.8670c940f0fdbp-35, 0x1.6e5014f241791p-36, 0x1.f4f69077fca0dp-38,
                  0x1.63fbe3b50a41ep-39, 0x1.9cbeb71d8809ep-40, 0x1.316a7c6777352p-41));
    u = fma(u, s, horner(q, 0x1.6af0866b2ab7fp-34, 0x1.c77e36e115df7p-29, -0x1.519247bff7215p-29,
                  -0x1.7eb3b596765adp-28, 0x1.757d6cd4a536dp-29, 0x1.6ef779dcdca63p-30,
                  0x1.c88cc8c3febe7p-32, 0x1.fe9b39d20e529p-34, 0x1.15e9fb1432d50p-35,
                  0x1.0514b2191e2e5p-37, 0x1.09e23f758b6e9p-39, 0x1.4fe049aedf347p-40,
                  0x1.c7929eb03fa19p-42));
    u = fma(u, s, horner(q, 0x1.127318df6defep-24, -0x1.eec85578ff1e8p-24, -0x1.50c15432782efp-23,
                  0x1.4aa1ad74ba9d6p-23, 0x1.55937fa1ce157p-25, 0x1.158ad7caf6787p-27,
                  0x1.b80cb7bdb5dd8p-30, 0x1.6805f8d32baf3p-32, 0x1.3a2a923e203d4p-34,
                  0x1.205000d3f2ce5p-36, 0x1.9a396cee12f43p-39, 0x1.49c681421bdb9p-41,
                  0x1.4be992230880fp-41, 0x1.b6c4c7ec933c0p-43));
    u = fma(u, s, horner(q, -0x1.8b55208e00cc3p-18, -0x1.7186212e83d86p-18, 0x1.5b092143a91c0p-17,
                  0x1.5f9f262e01c4bp-20, 0x1.59968fac02125p-23, 0x1.729dfd999c418p-26,
                  0x1.b87a1ac2825e1p-29, 0x1.20c6d2883b76ap-31, 0x1.9fa34aa553b2cp-34,
                  0x1.539573061d92fp-36, 0x1.156038fe7d8bfp-38, 0x1.86a3d5f92999ep-42,
                  0x1.06cbc7868defcp-42, 0x1.c1921f467d6e6p-43));
    u = fma(u, s, horner(q, -0x1.1e0ac83c37509p-12, 0x1.3826b49171c59p-10, 0x1.bb3bb34dc0567p-15,
                  0x1.bec02060a3620p-19, 0x1.258b2ec82bdf6p-22, 0x1.da8c343c47d16p-26,
                  0x1.c5e5fb6146fd7p-29, 0x1.f3cc3f06574f4p-32, 0x1.3571c0709e935p-34,
                  0x1.a8d27c4d813e1p-37, 0x1.599726e7b60abp-39, 0x1.313365f3fadc8p-41,
                  0x1.3126095286834p-44, 0x1.22bb36388daf8p-47));
    u = fma(u, s, horner(q, 0x1.ffadd6d406b98p-1, 0x1.7f10e2a054acdp-9, 0x1.115cb7c7a9cb3p-14,
                  0x1.717878f15a1c1p-19, 0x1.6e5bc44700badp-23, 0x1.dcd3af231722cp-27,
                  0x1.7e9290dc45d79p-30, 0x1.6ba9aa9c6e24ap-33, 0x1.8e1526401a41dp-36,
                  0x1.dfa875caf706ep-39, 0x1.48d1f715c1349p-41, 0x1.80d016ed94d4bp-43,
                  0x1.0f73870fd0db4p-45, -0x1.7dcc656c9dbcap-47));
    return u;
  }
};

/// 12.5 <= w <= 25: 157 coefficients.
template <>
struct UniformTile<'k', 1> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(50.0), T(-3.0));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.2a718564ea4d8p-47, -0x1.c7ce784149ba5p-45, -0x1.90697668c5c25p-42,
                  0x1.16b24963c8105p-42, 0x1.3430230f121b8p-39, 0x1.06c2961b21d0ep-43,
                  -0x1.381aabbda950ap-38, -0x1.37cef929e5f6dp-40, 0x1.dee287437c5a8p-39,
                  0x1.c703e1ce2f550p-41, -0x1.c07054851893fp-41);
    u = fma(u, s, horner(q, 0x1.f9710c6eaad89p-44, 0x1.d2679f5e896e9p-40, -0x1.1c7f7d25447e3p-44,
                  -0x1.1f3d0fa27b6eap-36, -0x1.99880aed55e39p-37, 0x1.81adb929c940ep-35,
                  0x1.4fc9037d00094p-35, -0x1.b6e2f767a38f7p-35, -0x1.5df323cf4cfd1p-35,
                  0x1.2497e89fad5f9p-35, 0x1.107cce80b8f23p-36, -0x1.20fc095ffe7c6p-36,
                  -0x1.68f17d5d3e391p-39, 0x1.fb9cea6f2bd68p-39));
    u = fma(u, s, horner(q, -0x1.7ee5f7e7d2f61p-38, 0x1.1e50c89ef26abp-40, 0x1.ef3748a55cedcp-34,
                  0x1.d0220ee4c726bp-34, -0x1.8f666e1224703p-32, -0x1.be207a7b2c1f8p-32,
                  0x1.bd3fa1189db2ep-32, 0x1.dcf6a727e6b67p-32, -0x1.1a8368bfbb91bp-32,
                  -0x1.1e72199adcd76p-33, 0x1.6caa7c7fe659dp-33, -0x1.6b21fbe78a782p-36,
                  -0x1.0b5114d288e48p-34, 0x1.0592d5899ec13p-35, 0x1.484288ebe520cp-37,
                  -0x1.f5a2942c4d7e9p-38));
    u = fma(u, s, horner(q, -0x1.953a1d1bb36e2p-36, -0x1.c044528ad1896p-31, -0x1.e652671222d5fp-31,
                  0x1.e9128457f16b4p-29, 0x1.3b8b5ad2c80eap-28, -0x1.052cf132d0e98p-28,
                  -0x1.71cc25681cb8fp-28, 0x1.db7b7b6cdb5dcp-30, 0x1.d42d5c1f7863ep-30,
                  -0x1.49eaf34ad47afp-30, -0x1.2020804fbd77ap-36, 0x1.9f3123042befbp-32,
                  -0x1.f3dffc81173e5p-33, 0x1.3860fd9186828p-36, 0x1.6781503f2f120p-34,
                  -0x1.80708dcc4e3e2p-35, -0x1.48ab9e6afbdeep-37, 0x1.300ec20127a6ep-37));
    u = fma(u, s, horner(q, 0x1.83340e1e4167cp-28, 0x1.af3113032a341p-28, -0x1.7d4a8764fb952p-25,
                  -0x1.e9dfa6d61fce0p-25, 0x1.ad3138a1e871ep-25, 0x1.3e46064acd9e3p-24,
                  -0x1.c14e16f4e32a5p-27, -0x1.5c57c5554f4e7p-26, 0x1.57c8f504cf66dp-27,
                  0x1.5edf6bb3bff31p-30, -0x1.abfedf6d30beep-29, 0x1.5df7801a9b781p-30,
                  0x1.4da5877b5ea09p-34, -0x1.948dc2b5fc68dp-32, 0x1.b0a45f6f68f42p-33,
                  -0x1.ae501307f179ap-37, -0x1.5c948fcd4ef43p-35, 0x1.0956fa7a6e36dp-36));
    u = fma(u, s, horner(q, -0x1.4785392a3614bp-26, 0x1.8a057566477d9p-21, 0x1.b87aef2dade45p-21,
                  -0x1.0e679b5acf64ap-20, -0x1.503af68599676p-20, 0x1.47cbb04e1d4fap-23,
                  0x1.0a02d554c357ap-22, -0x1.b3919cd442334p-24, -0x1.82f2ed7b1f58ep-27,
                  0x1.97a398b891fb2p-26, -0x1.244ba93146534p-27, -0x1.b7d23a8fd529cp-32,
                  0x1.f7a9c21222422p-30, -0x1.f0240f8f5175fp-31, 0x1.52341c01160e1p-33,
                  0x1.a0c64babaf4b8p-34, -0x1.e31f0ab6a8492p-34, 0x1.687fc9e4762f8p-35,
                  0x1.9f927a4abf937p-37, -0x1.4f6456edd65aep-37));
    u = fma(u, s, horner(q, -0x1.250d5cc9f59cdp-16, -0x1.d5b1e60f2f555p-17, 0x1.13358b79cbb72p-15,
                  0x1.d8e437c086bf8p-16, -0x1.0f5960f87e654p-18, -0x1.9035756ba2ddbp-19,
                  0x1.588e7a8aaabcap-20, -0x1.cfad6e3f48257p-26, -0x1.49357e1564461p-23,
                  0x1.052d58abbd766p-24, -0x1.cb262113bcdefp-29, -0x1.fa664fe7c9449p-28,
                  0x1.0a49154db84cap-28, -0x1.862e9e6296321p-31, -0x1.0b8dd79f2d359p-32,
                  0x1.0e5fac7d3f993p-32, -0x1.0605a0d5189f8p-33, 0x1.524a52372846bp-36,
                  0x1.8bd4bce1b92d3p-36, -0x1.7cee7adca2e1ep-37));
    u = fma(u, s, horner(q, 0x1.11527859edbd2p-11, -0x1.1e8a946682a86p-9, -0x1.c8c9812308930p-11,
                  0x1.8c42e0c8eb25bp-13, 0x1.a909964554994p-17, -0x1.bca58c9e40d48p-17,
                  0x1.185ff7d42a079p-19, 0x1.07c8cf2d41a98p-21, -0x1.5b68f6adfe34dp-22,
                  0x1.e38d6db66497ap-25, 0x1.eca7f846674c6p-27, -0x1.98902c1ef7532p-27,
                  0x1.ae7c9a099562fp-29, 0x1.71091d9bd6283p-33, -0x1.21c9678b02ca9p-31,
                  0x1.10102e312f78fp-32, -0x1.117427c5e2273p-35, -0x1.099ce5aefe4c7p-35,
                  0x1.d49b83991093fp-37, -0x1.54a771c48c388p-41));
    u = fma(u, s, horner(q, 0x1.0070bc14317acp+0, -0x1.a44d960aa8ec1p-8, -0x1.79f496cdf948fp-9,
                  0x1.318102f367c6fp-12, 0x1.3da2f272f6635p-15, -0x1.016711a8708c2p-16,
                  0x1.061172f215dbdp-20, 0x1.59a95ef8bf35ep-21, -0x1.d6c3d1e679026p-23,
                  0x1.93ca0675837c2p-27, 0x1.00743a0931c5fp-26, -0x1.a488fa24dfd71p-28,
                  0x1.8ce19f8e82966p-31, 0x1.aa114d8f39eecp-32, -0x1.20ea237c534b1p-32,
                  0x1.44abe2c4db9c5p-34, 0x1.8ad2f0a58425dp-37, -0x1.36708fe7d120bp-36,
                  0x1.43095c34341b9p-39, 0x1.6179b2bc5046dp-40));
    return u;
  }
};

/// 6 <= w <= 12.5: 242 coefficients.
template <>
struct UniformTile<'k', 2> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(23.076923076923077), T(-2.8461538461538463));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.2887bfed7086bp-45, 0x1.02c09f58e6384p-44, -0x1.7351e2eb06d8cp-40,
                  -0x1.82bb45cf40cacp-40, 0x1.4c495a5f6cb8fp-37, 0x1.fc1fd54f43995p-38,
                  -0x1.d8ef8b39a1ba2p-36, -0x1.f4039ec6f3646p-37, 0x1.4a736ef13b8e1p-35,
                  0x1.994a848d5809dp-37, -0x1.ceb24881f0390p-36, -0x1.d1f4abda6f0ecp-39,
                  0x1.0700065e25cb5p-37);
    u = fma(u, s, horner(q, -0x1.9ee489b807eb0p-43, 0x1.159517ae49788p-39, 0x1.1341e01bbe99ep-37,
                  -0x1.8d02da286734ep-36, -0x1.c54754145673ap-35, 0x1.94723a364ebf8p-34,
                  0x1.f62bb9384356ep-34, -0x1.bbb02c29019e7p-33, -0x1.69868fecf1ed1p-34,
                  0x1.1ad90b8d68c77p-32, -0x1.27e663969290ep-35, -0x1.7d50b02b3596cp-33,
                  0x1.3d31e66c11994p-34, 0x1.98206c62eac82p-35, -0x1.d62fba3c717c0p-36));
    u = fma(u, s, horner(q, -0x1.967ff659ae495p-40, -0x1.8e807d784e4bdp-36, 0x1.d6757ffc56988p-36,
                  0x1.080d8156e03c7p-32, -0x1.174b29bfb95fcp-33, -0x1.8e4801518ed0bp-31,
                  0x1.c44f66cc6ef6bp-32, 0x1.a05d5997c0c45p-31, -0x1.86ab16e511912p-31,
                  0x1.dca1605f36af9p-33, 0x1.5c7e4e9b27ac0p-33, -0x1.4b0577df6d232p-30,
                  0x1.32447baccee8ap-30, 0x1.2b95a93532cd7p-30, -0x1.9d3292307286dp-30,
                  -0x1.b0ef2f5d43483p-32, 0x1.af038cab4344ap-31, 0x1.776b83420df55p-35,
                  -0x1.4ba291300e646p-33));
    u = fma(u, s, horner(q, 0x1.3cd9901bd48fcp-35, 0x1.20442ff1332e0p-35, -0x1.bf29561eff3dep-31,
                  -0x1.24d6ba0f5433dp-31, 0x1.d0d9f5a900beep-29, 0x1.1d3824b9b42f2p-30,
                  -0x1.7b40e6988b30ap-28, 0x1.1fcb4d687e7e0p-30, 0x1.014b8c8e6a2f0p-28,
                  -0x1.c7ae35234fc01p-29, 0x1.d4091158c2dc6p-34, 0x1.5321cb5cbd18cp-30,
                  -0x1.95eee7e08534fp-31, 0x1.6a76a1723900ep-30, -0x1.8d9ccc4f9f86ap-30,
                  -0x1.7bafedc549d11p-31, 0x1.dc4755a70bd71p-30, -0x1.960c803e2f216p-32,
                  -0x1.15ae47d2da8f9p-31, 0x1.deba67e92ce7fp-33));
    u = fma(u, s, horner(q, -0x1.a2e724019fbe1p-33, 0x1.297ce24564e60p-29, 0x1.5e9d853a22916p-28,
                  -0x1.9f4b7e8103e4ep-27, -0x1.3701d08d9931dp-26, 0x1.967ca4c244879p-26,
                  0x1.0f07cae06c90ap-26, -0x1.9cda4f0f4a546p-26, 0x1.7465595e4193cp-28,
                  0x1.1fc0a712f9b3cp-27, -0x1.4d87d3b159c90p-27, 0x1.101c951152575p-27,
                  -0x1.5b732dfbde29dp-29, -0x1.10d1b0165c147p-27, 0x1.f5e6f448cec16p-28,
                  0x1.53eb134819ce3p-28, -0x1.34b62f00682a8p-28, -0x1.7f1bc53aa7bdbp-28,
                  0x1.d53836a427f33p-29, 0x1.fb5f7d45ce7d5p-29, -0x1.3dc8851d9049dp-29,
                  -0x1.d188f2b4a7cb0p-31, 0x1.465181005303bp-31));
    u = fma(u, s, horner(q, -0x1.336e7561f6fd5p-28, -0x1.c41045b00f276p-26, 0x1.3ca1f425339ecp-25,
                  0x1.2a68f9313a8d5p-23, -0x1.237ac81d6a262p-24, -0x1.8993cd9be8f65p-23,
                  0x1.94ea1cdae2414p-24, 0x1.c2197a3727d21p-25, -0x1.61da3670a468bp-24,
                  0x1.4c7d9b3d1fdd2p-25, 0x1.20d68872a2d20p-28, -0x1.5e773fb15013fp-26,
                  0x1.3e925c62bf0d1p-26, -0x1.3795cd1a20d8fp-27, -0x1.82eb642181630p-30,
                  0x1.aaf8ebb87e2b7p-29, 0x1.21fdd3200eef9p-30, 0x1.45d7eda5e0631p-30,
                  -0x1.3d6276209199cp-28, 0x1.60a66150b0579p-30, 0x1.d123ae5e1e67dp-30,
                  -0x1.bb48f90cd6004p-31, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.b509c5a818ce3p-24, -0x1.dd276838eb36ap-24, -0x1.01cda7c860219p-20,
                  -0x1.130832f330d9cp-28, 0x1.9b81f13b5381cp-20, -0x1.fc96075e963cap-25,
                  -0x1.75c64bf67d3b3p-21, 0x1.cad84d3aefccdp-22, -0x1.302cd59eddeeep-26,
                  -0x1.3f9b06938e2f2p-23, 0x1.13dd4fb0ce73cp-23, -0x1.f3ccad2d61493p-25,
                  0x1.73c5ca069682fp-28, 0x1.32f6ee1e7af88p-26, -0x1.282585bf07a6cp-26,
                  0x1.76e56d5b03c67p-27, -0x1.dfb42e074c2dfp-28, -0x1.64dd4797982b8p-29,
                  0x1.904e5d8fd9ae0p-28, 0x1.208f0c65235abp-28, -0x1.39b81939e591dp-28,
                  -0x1.28ee8e2d2a106p-28, 0x1.e4f8adc5405b3p-29, 0x1.25e69498c31c7p-30,
                  -0x1.f2eaff7ae00e6p-31));
    u = fma(u, s, horner(q, 0x1.00ec972f3ff45p-21, 0x1.f72678a0959c0p-18, 0x1.412b60e07aee9p-19,
                  -0x1.cf1d9819895cdp-17, -0x1.0ba8f744793e5p-18, 0x1.995595d4acabfp-18,
                  -0x1.c1b9bff280444p-20, -0x1.db82e389b8386p-21, 0x1.28e4b98dd02bcp-20,
                  -0x1.246de24dfcb03p-21, 0x1.948b258235fbep-24, 0x1.72093c2e3ba58p-24,
                  -0x1.bdb7190686c54p-24, 0x1.0a95fc60c013dp-24, -0x1.1e499e7ebaaffp-26,
                  0x1.6335b564760a5p-30, -0x1.fd54e0abf8a1bp-28, -0x1.166a290de26fcp-30,
                  0x1.0c52676422e69p-26, -0x1.ed311e48301dap-28, -0x1.e6d9882fd8b08p-28,
                  0x1.058e152f76ef8p-28, 0x1.b0a15cbd32b03p-29, -0x1.c48c2d72fdf2ep-30,
                  -0x1.c5450fd4f1159p-31, 0x1.0256668ddf042p-31));
    u = fma(u, s, horner(q, -0x1.551b793feea78p-14, -0x1.0f90cb4921b50p-15, 0x1.743e49297c7cap-13,
                  0x1.426b12d9a6c37p-14, -0x1.da26e8d78f721p-15, 0x1.b76a9ecb8dfb0p-18,
                  0x1.22990f0f0a5c7p-17, -0x1.aaeb223b318dcp-18, 0x1.167b37d48fa00p-19,
                  0x1.7480f7341dfeep-25, -0x1.113c049b08c27p-21, 0x1.8871287d497f6p-22,
                  -0x1.50d009ed36859p-23, 0x1.2e715c669d93fp-25, 0x1.4b11faa361bfcp-27,
                  -0x1.74e5bbdef1427p-26, 0x1.3f32b67403aaap-26, -0x1.8f1238c30572ap-29,
                  -0x1.153f47ac2cb07p-28, -0x1.2a47cbc33e45dp-28, 0x1.696d85ab126c7p-28,
                  0x1.50fd7f41ee925p-29, -0x1.a3fc33862af6ep-29, -0x1.89bf7c3c583d8p-33,
                  0x1.0464e89e5000dp-31, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.d2ab4dd1455fep-11, -0x1.3fd0fef22b9c3p-8, -0x1.6e2817e72a30fp-10,
                  0x1.78e9c6224a112p-11, -0x1.83e668aef10e7p-14, -0x1.74c8d8fbaf913p-15,
                  0x1.0205edebbedcap-15, -0x1.21740cadb8cbcp-17, -0x1.5c96abdbb5307p-23,
                  0x1.9e2c6c9e8af92p-20, -0x1.f3d00939d5f43p-21, 0x1.5885263b07e44p-22,
                  -0x1.2cee12311b2adp-25, -0x1.649dbec717f4bp-25, 0x1.2f93d61701af9p-25,
                  -0x1.4caee20825519p-26, 0x1.edcadb396e907p-27, -0x1.86d1b366ed753p-28,
                  -0x1.ef04428fb23e4p-28, 0x1.79a680c74ea89p-28, 0x1.24debaebf5405p-28,
                  -0x1.aec928676961ap-29, -0x1.490898ec6848cp-29, 0x1.cac7b8a8326f1p-30,
                  0x1.01917c1aba5dcp-31, -0x1.838199d4ce863p-32));
    u = fma(u, s, horner(q, 0x1.00d17133d050dp+0, -0x1.b8d2011b68cb1p-7, -0x1.5ad33fba8ac76p-8,
                  0x1.29bf4f7972c26p-10, 0x1.f9223928c11a8p-19, -0x1.40638300daa3dp-14,
                  0x1.b05ad97479f8fp-16, -0x1.513f29729cdd9p-19, -0x1.fc1a52645e955p-20,
                  0x1.58757f31abfe8p-20, -0x1.cb954cf3c40acp-22, 0x1.acaccac76b67ep-25,
                  0x1.6359c8ebb11c4p-25, -0x1.3581072be793dp-25, 0x1.1f7a12520797fp-26,
                  -0x1.a6334b9e1d00ap-28, 0x1.137da21ef8a67p-29, 0x1.83c7ac681ec8bp-30,
                  -0x1.2f187a2d97206p-29, -0x1.96ffe8545ee60p-33, 0x1.cbe89f994cfffp-31,
                  0x1.cfcc679d579bdp-32, -0x1.f4e6aaf78a0c2p-32, -0x1.dff64de91f4e3p-34,
                  0x1.c72d5bf760280p-34, 0x0.0p+0));
    return u;
  }
};

/// 3 <= w <= 6: 249 coefficients.
template <>
struct UniformTile<'k', 3> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(12.0), T(-3.0));
    const T q = fma(angle, T(2.380952380952381), T(-1.380952380952381));
    T u = horner(q, -0x1.d0573ebed22e2p-46, -0x1.b83c35f61cb67p-42, 0x1.cfc69bd134431p-41,
                  0x1.8e1915f2fbd9cp-39, -0x1.0d945051f10aap-38, -0x1.6be332ffd8628p-38,
                  0x1.8698c46d93707p-38, 0x1.7f821d2256148p-39, -0x1.5d51f54c21be4p-39);
    u = fma(u, s, horner(q, 0x1.b4e1d35eea22ep-42, 0x1.1b58b96902a52p-40, -0x1.483cbd8c132d2p-37,
                  -0x1.76bc616da563ep-39, 0x1.4257f77a69697p-35, -0x1.96f18bd4c9d15p-37,
                  -0x1.b26fa77127698p-35, 0x1.4f172ba944161p-35, 0x1.bcc79535b3168p-36,
                  -0x1.2ebc777e260e1p-35, -0x1.0c829701ab895p-38, 0x1.50906d21a45ffp-37));
    u = fma(u, s, horner(q, -0x1.83ecea73cdceep-39, 0x1.9b4ae2c60fa22p-38, 0x1.acc3b01176826p-35,
                  -0x1.056a6c89e77c3p-34, -0x1.138b47cc773b5p-33, 0x1.561c2cb26bec6p-33,
                  0x1.8a7cb28af53efp-35, -0x1.23b3f3ff8d052p-33, 0x1.f0e92b455c0c7p-34,
                  -0x1.03dec167496d2p-36, -0x1.c5e22f52d946fp-34, 0x1.373a887eb82bbp-34,
                  0x1.b67e2aa42d3f9p-36, -0x1.a94d999d592a4p-36));
    u = fma(u, s, horner(q, 0x1.abee03b08c5f2p-37, -0x1.a2265636b5591p-34, -0x1.4a5e3867c4d9cp-33,
                  0x1.3cca1e3cccfe0p-31, 0x1.91a20a7aa75b6p-33, -0x1.ec17b762b26e8p-31,
                  0x1.351d53846ca93p-32, 0x1.5db5e4a18013dp-32, -0x1.adecdbe31fa0bp-32,
                  0x1.a06bbefc76573p-33, -0x1.67c1cbe67bf0dp-34, -0x1.db7c34bc9eb5bp-36,
                  0x1.bce149c16999cp-33, -0x1.0c4c9a5f3a2c8p-33, -0x1.dc8e91fa26333p-35,
                  0x1.7fe643a9a3c92p-35));
    u = fma(u, s, horner(q, 0x1.dbfd5af4ba5d2p-38, 0x1.a67f25f574796p-31, -0x1.a162b44cb1c9bp-32,
                  -0x1.d814549f17799p-29, 0x1.005c73e8b5330p-29, 0x1.d2d6830f1a042p-29,
                  -0x1.7d341735b84b3p-29, 0x1.eae05d4142de9p-33, 0x1.1343b764b9d87p-30,
                  -0x1.0ec706a3b2c61p-30, 0x1.0590c792868a2p-31, -0x1.7c515c354d4e1p-35,
                  0x1.75fdaeed55b97p-34, -0x1.99dd71ba6369bp-36, -0x1.5cc7077402499p-32,
                  0x1.d310841687a33p-33, 0x1.501b7c1cc579ep-34, -0x1.1ac4998f82c35p-34));
    u = fma(u, s, horner(q, -0x1.cfa63bef4fa8bp-31, -0x1.02d9ac48c5771p-28, 0x1.66dea323ed383p-27,
                  0x1.9c4ecc07e65d3p-27, -0x1.740eba92daec3p-26, -0x1.2b53324d18a9cp-28,
                  0x1.c69fe17a890a5p-27, -0x1.fa353f403c5cep-28, 0x1.0b8fbb7652f0fp-31,
                  0x1.4372d7c856bc5p-29, -0x1.0067d9f1336cep-29, 0x1.fff53444c9f6ap-31,
                  -0x1.f8ff0a8e1c3b3p-31, 0x1.1dffe37c61797p-31, 0x1.5e8e960e32b8dp-32,
                  -0x1.d201c5b685731p-32, 0x1.ea321ea2e031bp-34, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.66454a487b1e0p-27, -0x1.fad14d62762d3p-31, -0x1.8d4b58549d924p-24,
                  0x1.1d5f0ce40a367p-26, 0x1.0f0011fcb16f9p-23, -0x1.9fcf174341a16p-25,
                  -0x1.ae86fbb573f3fp-26, 0x1.3628d00b99619p-25, -0x1.5540225fc05b1p-26,
                  0x1.489db76491d4ep-28, 0x1.2ffbb4c38df69p-29, -0x1.f96d0a8767dfep-29,
                  0x1.84d8abde9f3d1p-29, -0x1.878cd3cf08dc7p-30, 0x1.54bbaa2c61505p-32,
                  -0x1.24836db3035e4p-33, 0x1.ce850cbd24144p-32, -0x1.7ecf4650f2efep-34,
                  -0x1.580f603ec5024p-32, 0x1.5f8493920049dp-33));
    u = fma(u, s, horner(q, -0x1.2950f6bc4d6a7p-24, 0x1.1dd4e25dc99fcp-22, 0x1.e1b4e1c6a0af1p-22,
                  -0x1.5b07c2a722d77p-21, -0x1.87d609e2f17bdp-22, 0x1.bad38c13d90adp-22,
                  -0x1.0c5f7783f5f88p-23, -0x1.7bccf421c4cdfp-25, 0x1.3fd72d3b05f63p-24,
                  -0x1.a999da9ecb982p-25, 0x1.635ed62650af0p-26, -0x1.20f0bd5700e4ap-28,
                  -0x1.9971344d3dac5p-32, 0x1.bbcce0dca91c7p-30, -0x1.0781da82e4b02p-28,
                  0x1.91669125f8136p-29, 0x1.334ac30063ab5p-31, -0x1.a5ab72874ba9fp-31,
                  -0x1.0b5fb77533093p-30, 0x1.64a8b619ea5bbp-31, 0x1.1ce03432c1bbfp-32,
                  -0x1.97bb24eca844ep-33));
    u = fma(u, s, horner(q, -0x1.38fd69eefd3aep-23, -0x1.bdfc0b1b69cb9p-19, 0x1.4059669faad39p-21,
                  0x1.675bdebd1b2ccp-18, -0x1.0edc15ebaefe5p-20, -0x1.4206ca0e21a8fp-20,
                  0x1.1d41cc49ccc5bp-20, -0x1.d7e57b9e76248p-22, 0x1.e802672b4ad5cp-25,
                  0x1.2e606ae4a2cf4p-24, -0x1.441a656260fd2p-24, 0x1.a2fe9466ab71ap-25,
                  -0x1.ad11b137765d6p-26, 0x1.4024ff38f3839p-27, -0x1.a7bcd2e90b245p-30,
                  0x1.a90418146a13bp-31, -0x1.b3c30d9758970p-31, -0x1.65c5678a85452p-30,
                  0x1.7b07d274873abp-30, 0x1.cd3a6b1cce097p-33, -0x1.e577c437636dap-33,
                  -0x1.2f79517e7f097p-32, 0x1.2e27a342b16b5p-33));
    u = fma(u, s, horner(q, 0x1.c6519af1a9c17p-17, 0x1.2578f08d2e6bfp-16, -0x1.405934d9e68f6p-15,
                  -0x1.3bd4cd38a4bc4p-16, 0x1.0ba3bbb9fda40p-16, -0x1.0e3795c4d5e80p-18,
                  -0x1.340b99718d8cfp-20, 0x1.da257057dcd53p-20, -0x1.25afd322aa9e7p-20,
                  0x1.fd147b969ed76p-22, -0x1.328da3bfc340cp-23, 0x1.bb21ba213da8ep-27,
                  0x1.56098ff8e0ebfp-26, -0x1.53acf1a2bbcd8p-26, 0x1.0a2b2a9790dc3p-26,
                  -0x1.6377258a6dfa2p-27, 0x1.a9437785bfb0bp-29, 0x1.345594120160cp-32,
                  0x1.3eae20e71935ap-30, -0x1.a3401ae6b7512p-30, 0x1.5bd5cd62e35a1p-33,
                  0x1.5443f8e994cb6p-32, -0x1.7a44126f60a07p-34));
    u = fma(u, s, horner(q, -0x1.faed05199bf13p-13, 0x1.d9547b0ab66a1p-13, 0x1.8ea225404fad4p-12,
                  -0x1.69ece752722f7p-14, -0x1.f65edaa3292a9p-16, 0x1.0f34664d513d2p-15,
                  -0x1.003f1ebc9847bp-16, 0x1.370e9b1836cd0p-18, -0x1.28f136cf0754ap-21,
                  -0x1.d9ee2d3b32730p-22, 0x1.db7b66d60c57bp-22, -0x1.1df42b4e4afbdp-22,
                  0x1.1883d6659f62fp-23, -0x1.d6b9139989fd6p-25, 0x1.3f94999203dd4p-26,
                  -0x1.b4cc264149c5ap-28, 0x1.f7455afe489f0p-29, -0x1.233dbd6d41347p-40,
                  -0x1.584e933b9adeap-29, 0x1.77279583e3c9bp-31, 0x1.fc3911a6c8d14p-31,
                  -0x1.771162e9c18a0p-33, -0x1.aef5bbb270ba1p-32, 0x1.4d539bdc6664cp-33));
    u = fma(u, s, horner(q, -0x1.653793856aff4p-11, -0x1.06600eca32423p-7, -0x1.369d00e5cee03p-15,
                  0x1.6fb68b5cbe30ep-11, -0x1.45661ef4068a0p-12, 0x1.55ced6edde980p-14,
                  -0x1.1ebacbd83558cp-17, -0x1.6472c459d2584p-18, 0x1.30e5f182a1e02p-18,
                  -0x1.3121cc49a94ccp-19, 0x1.e3db57588ede4p-21, -0x1.3d22d84bfccc5p-22,
                  0x1.40896a793accbp-24, -0x1.2f99ad9cc9e0cp-27, -0x1.af7f544581625p-28,
                  0x1.15138e7af04f4p-27, -0x1.43cec97304323p-28, 0x1.1bcf5dd8c6482p-31,
                  -0x1.3f7a2fe68288dp-32, 0x1.ddd15726ec8b6p-30, -0x1.eae9a356ff9b2p-31,
                  -0x1.cab38fa1fbc5dp-32, 0x1.1f76ea7beacdcp-32, 0x1.061f7a615ef20p-33,
                  -0x1.2bf20505b44a7p-34));
    u = fma(u, s, horner(q, 0x1.001fa7be32e65p+0, -0x1.9ddeeb0174ee9p-6, -0x1.2189d3d44cbadp-8,
                  0x1.dfb18a04ffe10p-10, -0x1.83ddb36d8b4b8p-12, 0x1.7f4e768fd573bp-16,
                  0x1.4ea082f7ba62ep-16, -0x1.9d700e2007aacp-17, 0x1.3d1115dcf32f4p-18,
                  -0x1.7446b1d16fae0p-20, 0x1.357c71b649cd2p-22, -0x1.2e1c03859ee45p-27,
                  -0x1.1d8e3f10470b5p-25, 0x1.a4f2876b7c113p-26, -0x1.b4b6c6c707dc4p-27,
                  0x1.91c328d8645f7p-28, -0x1.64050b33740b2p-29, 0x1.ea74d762daad6p-31,
                  -0x1.4ab609722014fp-33, 0x1.cba90bbcdfba2p-34, -0x1.1de90b003fb38p-33,
                  0x1.b32fb3bee7f00p-36, 0x1.c86d6472a6d1cp-36, -0x1.528d718e9b757p-37, 0x0.0p+0));
    return u;
  }
};

/// 1.5 <= w <= 3: 219 coefficients.
template <>
struct UniformTile<'k', 4> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(6.0), T(-3.0));
    const T q = fma(angle, T(2.985074626865672), T(-1.9850746268656718));
    T u = horner(q, -0x1.f966071d50072p-46, 0x1.672dee3dea46cp-41, -0x1.7804a1d9eb1f3p-44,
                  -0x1.2674011e07b8ep-39, 0x1.71681fa93dea6p-42, 0x1.70ed3a07927dbp-40);
    u = fma(u, s, horner(q, -0x1.f78c9b4a141f6p-43, -0x1.8477deae4c1b7p-39, 0x1.457d4d6f3bfc7p-38,
                  0x1.090e6cf90640cp-37, -0x1.3c1bf7218d659p-37, -0x1.2161f974ae876p-38,
                  0x1.020c450b45734p-38));
    u = fma(u, s, horner(q, 0x1.501c9a9e8aca6p-39, 0x1.e6a786a36e125p-38, -0x1.010a22b994173p-35,
                  -0x1.037ab69b044d5p-37, 0x1.810540a3362e0p-35, -0x1.f5ba0a014739cp-38,
                  -0x1.00eb9540c34eep-36, 0x1.c824ba61a994cp-38));
    u = fma(u, s, horner(q, -0x1.1271d2329715fp-36, -0x1.6134d576237e6p-37, 0x1.32d98d32cc2ebp-33,
                  -0x1.46e5035c36e37p-35, -0x1.4746ea67eef82p-33, 0x1.3ed60b1dcd1b5p-34,
                  0x1.dbf8108fcf374p-37, -0x1.14e760ca7aa58p-35, 0x1.624277148213cp-37));
    u = fma(u, s, horner(q, 0x1.91a8496258e9cp-34, -0x1.68c0de79ea068p-34, -0x1.54f0886f42a97p-31,
                  0x1.d7ce988ed58ccp-32, 0x1.0426a2fb35acfp-31, -0x1.683ae2e16c4f3p-32,
                  0x1.3c9162e24bd12p-34, 0x1.79348b4334589p-35, -0x1.038c855e3996cp-34,
                  0x1.f38fa7941f242p-36, 0x1.53142e60ec976p-42, -0x1.238a65bfc7dcfp-38));
    u = fma(u, s, horner(q, -0x1.01008eb89fec5p-31, 0x1.387ed6bf3d410p-30, 0x1.402a090312b02p-29,
                  -0x1.a222965d8da80p-29, -0x1.3ab868e119edap-30, 0x1.716478f718da3p-30,
                  -0x1.17b4487c5ef4bp-31, 0x1.9bfa23fc75717p-35, 0x1.969aa5a06f379p-34,
                  -0x1.97a0534a06bf5p-34, 0x1.89e886a641208p-35, -0x1.2a11b228f6dc8p-38,
                  -0x1.06ff0f20245fdp-38));
    u = fma(u, s, horner(q, 0x1.0768e4fd482dfp-29, -0x1.3a287199ed69ep-27, -0x1.8adda92dae008p-28,
                  0x1.25bf40ae81011p-26, 0x1.2ffe6d7f5de13p-33, -0x1.2f70c0c62104fp-28,
                  0x1.5ae1244e98373p-29, -0x1.94abd8197f2eep-31, 0x1.bbb17635c5732p-35,
                  0x1.c2d4a6747ad14p-34, -0x1.130cf9a808f49p-33, 0x1.5f406302f85b0p-34,
                  -0x1.517f05266ba7ap-36));
    u = fma(u, s, horner(q, -0x1.03999b7449fd9p-28, 0x1.fabd7a5c7c0a4p-25, -0x1.37a4f888a1ca5p-27,
                  -0x1.590403a9caf93p-24, 0x1.575213804420dp-26, 0x1.23f572392eaccp-27,
                  -0x1.3988b18ca8ffap-27, 0x1.28ea9ad05e2eep-28, -0x1.674814c998896p-30,
                  0x1.7a0a18a4cc197p-33, 0x1.c46e562467fc6p-34, -0x1.eef76582dbbacp-34,
                  0x1.61bf9cbf61720p-34, -0x1.b700df69ca408p-35, 0x1.1d940bab74631p-36));
    u = fma(u, s, horner(q, -0x1.4c12fef851cd0p-25, -0x1.530ad5327d8e4p-22, 0x1.16b29006e8fa0p-22,
                  0x1.474e2ace4b311p-22, -0x1.45060d4c06856p-23, 0x1.113aeaebe7ca3p-26,
                  0x1.408aecaa42080p-26, -0x1.03467a0b20bfep-26, 0x1.e9d4d4411f073p-28,
                  -0x1.595878d00d69ap-29, 0x1.74b57f916a4e5p-31, -0x1.ed17a7e16183dp-35,
                  -0x1.86d418334ef7ap-34, 0x1.5759996022ea3p-35, -0x1.b64df9d490532p-36,
                  0x1.48e0c35c01c42p-35, -0x1.0b08066d5096ep-36));
    u = fma(u, s, horner(q, 0x1.74d9ce974b016p-21, 0x1.4b94fa59b57c8p-20, -0x1.3aea1479166fap-19,
                  -0x1.8da6569f555abp-21, 0x1.823b278977606p-21, -0x1.0b09bf1cab233p-22,
                  0x1.fbee9584747f1p-26, 0x1.7362a88724340p-26, -0x1.51087cdc7fdaap-26,
                  0x1.66652a0510372p-27, -0x1.32898970eb2fap-28, 0x1.b8afb795cd2bfp-30,
                  -0x1.daa8674f6e4c9p-32, 0x1.e43f185a0cb71p-34, -0x1.5d8a55a44ea78p-34,
                  0x1.ea522b5dd3bfap-37, 0x1.6635866d45abcp-35, -0x1.6a780d15ab076p-36));
    u = fma(u, s, horner(q, -0x1.f2292e8d4c270p-18, -0x1.49c3e42f168d2p-22, 0x1.03df3167c5a0dp-16,
                  -0x1.0e78eac0fe038p-20, -0x1.12484f43a2926p-19, 0x1.520b773176dddp-20,
                  -0x1.ea66e342dbd7ep-22, 0x1.cf50c4f92953bp-24, -0x1.4f56503cca108p-28,
                  -0x1.b3d324ac5f2bdp-27, 0x1.501a0507915bap-27, -0x1.6b1c93589a714p-28,
                  0x1.4fab649e280d0p-29, -0x1.04a2ba2a3f10ep-30, 0x1.82fc4b1f91576p-32,
                  -0x1.8576ab03dd191p-33, 0x1.446298134cf90p-34, -0x1.a6785ccfb4312p-37));
    u = fma(u, s, horner(q, 0x1.063370ea0aee0p-14, -0x1.10a32449599c7p-14, -0x1.405c17aa87bbap-14,
                  0x1.a800fe6b4b6cbp-16, -0x1.7f6b0df3c07bbp-20, -0x1.54f31a518d7d0p-19,
                  0x1.cdf7c0bb900fdp-20, -0x1.97d426e730b89p-21, 0x1.24a27bd72dee7p-22,
                  -0x1.645f68dfbabcep-24, 0x1.618bb395468efp-26, -0x1.ad1335073a162p-29,
                  -0x1.503265aeef876p-31, 0x1.e3ef05cef861bp-31, -0x1.58413641a3bd8p-31,
                  0x1.6f2384f26861fp-32, -0x1.69a457642f1b2p-34, 0x1.36db84e0d89dbp-35,
                  -0x1.1c22307bbaffcp-34, 0x1.f64e0eb8375e6p-36));
    u = fma(u, s, horner(q, -0x1.4e249431283a5p-12, 0x1.fa05b3ae3cf51p-11, 0x1.69ea5f58407bdp-13,
                  -0x1.2cf3868b00235p-13, 0x1.a0430173db8c5p-15, -0x1.7e255a6fd7c58p-17,
                  0x1.2f930d5edad85p-20, 0x1.4657d967ebde3p-21, -0x1.176fc80a1a1d0p-21,
                  0x1.20ec7da1c9506p-22, -0x1.f7fd33ec71091p-24, 0x1.93fe161c2bd64p-25,
                  -0x1.34263b87f77f6p-26, 0x1.c1995e65f36a3p-28, -0x1.426fb1c78cf7cp-29,
                  0x1.fcb2874921ce3p-31, -0x1.7c824ed599a83p-32, 0x1.23ecd5f40d071p-34,
                  -0x1.24a73332ee9a0p-36, 0x1.e72171160f2d4p-36, -0x1.804a11563c8f6p-37));
    u = fma(u, s, horner(q, -0x1.8f4c697bca3f4p-8, -0x1.33e97f2cf6819p-7, 0x1.c2851f1d8ff77p-10,
                  -0x1.5de8c8e51e736p-14, -0x1.637144d9c038cp-14, 0x1.9d9709459d30ep-15,
                  -0x1.44e71969054ccp-16, 0x1.b66f03a3d8a63p-18, -0x1.0f8d1fdd437d0p-19,
                  0x1.3cd1101c59d68p-21, -0x1.5eff8d7d6f7dep-23, 0x1.6fb183db40de1p-25,
                  -0x1.66b998361494cp-27, 0x1.30d0064ad0a21p-29, -0x1.d2c90506d9dfap-33,
                  -0x1.8cc9ea90e0081p-34, -0x1.183505d88a7ffp-36, 0x1.0c25a6cd3aa84p-41,
                  0x1.d16081e3b877fp-35, -0x1.afb479c030387p-36, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.f95cd11a21cfdp-1, -0x1.36462a8597d05p-5, -0x1.576715c1993ccp-12,
                  0x1.15d282e29d439p-10, -0x1.7c0e8916c8c56p-12, 0x1.8fae6c88fc4f2p-14,
                  -0x1.6f38e54928bf9p-16, 0x1.28db91a5ade3cp-18, -0x1.8429aaf156181p-21,
                  0x1.d35186ce29ccdp-25, 0x1.d00d777eea1c1p-26, -0x1.552f90f7340fap-26,
                  0x1.3d3ab1fad2524p-27, -0x1.fe641ed67e321p-29, 0x1.900f5fba0e72ap-30,
                  -0x1.3de4fba348e06p-31, 0x1.8dafed216df2ep-33, -0x1.5182953162735p-35,
                  0x1.fd82eba13043cp-36, -0x1.8a263fae0d54dp-36, 0x1.804a11563c8f6p-38));
    return u;
  }
};

/// 1 <= w <= 1.5: 120 coefficients.
template <>
struct UniformTile<'k', 5> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(6.0), T(-5.0));
    const T q = fma(angle, T(5.882352941176471), T(-4.882352941176471));
    T u = horner(q, -0x1.1cc868c0b6046p-45, -0x1.d3abbd32ee5aap-46, 0x1.64a35bd579615p-44);
    u = fma(u, s, horner(q, 0x1.57c6deba04f23p-42, 0x1.38444d076e985p-42, -0x1.65a1ef9c4e69cp-41,
                  -0x1.cc46bdf631a13p-43));
    u = fma(u, s, horner(q, -0x1.89bcf5a4c2227p-39, -0x1.e639913c6795dp-41, 0x1.660f114a79bfbp-38,
                  0x1.198059b9200c5p-40, -0x1.8c25ed25999aap-42));
    u = fma(u, s, horner(q, 0x1.be32ed1362911p-36, -0x1.1b8df818a8667p-38, -0x1.51db2d7d3260bp-35,
                  -0x1.9676046ed10f1p-39, 0x1.2e02a05c9925bp-39, -0x1.9b3a3cb68bc35p-42));
    u = fma(u, s, horner(q, -0x1.f044461346b48p-33, 0x1.08190c030db75p-33, 0x1.34d992e1ec60fp-32,
                  -0x1.083bec9174b9bp-45, -0x1.64e726b2d4e12p-37, 0x1.7251ffccb1a7ap-39,
                  -0x1.8423ac21cd6b4p-42));
    u = fma(u, s, horner(q, 0x1.0e39716a0ee9bp-29, -0x1.e00133ba8c262p-30, -0x1.11156d5ee5e82p-29,
                  0x1.1ea58b0f96860p-33, 0x1.637602f3a68e0p-35, -0x1.fb8fed1d60762p-37,
                  0x1.95dc4ef8248d1p-39, -0x1.972d2e06b45c5p-42));
    u = fma(u, s, horner(q, -0x1.1c3f97280fb66p-26, 0x1.6ce14c460a977p-26, 0x1.c9615efd48ae8p-27,
                  -0x1.d42a999fec3bfp-30, -0x1.cec805fa0745ep-35, 0x1.1aa7cbba3752ep-34,
                  -0x1.24b52be01b996p-36, 0x1.c0d8162aac05fp-39, -0x1.f24a1ebf79600p-42));
    u = fma(u, s, horner(q, 0x1.14c1adb6ddbbdp-23, -0x1.01088a8925dabp-22, -0x1.5baf9364d1372p-24,
                  0x1.0ef6d1776aa26p-26, -0x1.47cad0fa6c030p-30, -0x1.1b757c8f18419p-33,
                  0x1.31860e25c0a91p-34, -0x1.2b3007d51c724p-36, 0x1.d075caad8d05fp-39,
                  -0x1.3c21169160b30p-41, 0x1.6624df9f45606p-44));
    u = fma(u, s, horner(q, -0x1.a4ddb86a7bd1fp-21, 0x1.5c99b92984f10p-19, 0x1.a6cdde44ba587p-22,
                  -0x1.f774f93adc0b0p-24, 0x1.1eb54d1950eb1p-26, -0x1.778eb0a9e25edp-30,
                  -0x1.ae3afb7cfdf5ap-35, 0x1.b8864a0b85bb3p-35, -0x1.e8294ae55f222p-37,
                  0x1.aadb6707f452fp-39, -0x1.592015abdd4eap-41, 0x1.da0fb6baea2bep-44));
    u = fma(u, s, horner(q, -0x1.f0b47919f935bp-21, -0x1.cd765d6cd5ba1p-16, -0x1.4a37a6d7cdba5p-21,
                  0x1.56dc37023bea2p-21, -0x1.2022153e356e2p-23, 0x1.5bf0e7e0155acp-26,
                  -0x1.4f7fbbade6254p-29, 0x1.d79f558423eb7p-33, -0x1.e6b8c1979c5f4p-39,
                  -0x1.2caa36a9a1d04p-38, 0x1.927d18e6ad4c7p-40, -0x1.c5e69b4402cbep-42,
                  0x1.71ddd07c16346p-44));
    u = fma(u, s, horner(q, 0x1.bfaeead9387fep-13, 0x1.2621ca7b174dap-12, -0x1.49f70c86393cap-16,
                  -0x1.a227a50b5afa7p-21, 0x1.271d4d1ecb556p-21, -0x1.0d939e1bb6fddp-23,
                  0x1.828bef10ff844p-26, -0x1.ef563fff5cd6ep-29, 0x1.28a4a3af0fa35p-31,
                  -0x1.52515e2c80b5fp-34, 0x1.73ff97da7f11ep-37, -0x1.94c415c1e934cp-40,
                  0x1.63d583b29a7c2p-43));
    u = fma(u, s, horner(q, -0x1.370e420ae597cp-7, -0x1.39fae5710480dp-9, 0x1.66f3efad89052p-12,
                  -0x1.3de026c090dc4p-15, 0x1.d9546fc9e6fafp-19, -0x1.055da313339ecp-22,
                  0x1.245e97ea8496bp-30, 0x1.1da0232898d5ep-28, -0x1.3cdcf361cbb08p-30,
                  0x1.0769fd3a9fde4p-32, -0x1.87b0f52222855p-35, 0x1.175fdecc579fbp-37,
                  -0x1.acae15a46ee55p-40, 0x1.19b64300da225p-42));
    u = fma(u, s, horner(q, 0x1.e5ac6a3695445p-1, -0x1.9db9e3f6bac7bp-6, 0x1.f5669be375973p-11,
                  0x1.30ca029864298p-18, -0x1.356c7dc1f350ap-17, 0x1.eb7a87d650c68p-20,
                  -0x1.3555a5ca1805cp-22, 0x1.67e512328288bp-25, -0x1.9679d843e7c98p-28,
                  0x1.c7ba772d8533bp-31, -0x1.00b9819c0f745p-33, 0x1.2449d21a26edbp-36,
                  -0x1.51ed5a616d85ap-39, 0x1.abbd9a3d93537p-42, -0x1.070b00ea7908cp-44));
    return u;
  }
};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
