#pragma once
// Written by tools/make_uniform_tiles.py: do not edit.
//
// U_I and U_K of debye.h for 1 < w < 25, as polynomials in r = 1/w (outer) and in t = v/w for I or
// x/w for K (inner), all scaled to [-1, 1]. Fitted with an absolute error of at most 2^-55.

#include "core/jet.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <char Kind, int Tile>
struct UniformTile;

/// 12.5 <= w <= 25: 203 coefficients.
template <>
struct UniformTile<'i', 0> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(50.0), T(-3.0));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.88c983f36159cp-55, 0x1.541857126e2bep-46, -0x1.7dd9b2a783072p-46,
                  -0x1.27763e5d6d7edp-43, 0x1.4375418089fc5p-43, 0x1.5e589f1f06c27p-43,
                  -0x1.786f985eae9c1p-43);
    u = fma(u, s, horner(q, 0x1.1a66e426f49f6p-48, 0x1.a72484801a2d7p-46, -0x1.41815af73d546p-42,
                  -0x1.543f1326d8596p-50, 0x1.3e0781b01b759p-39, -0x1.bfb09323c768dp-40,
                  -0x1.478e700150545p-38, 0x1.271785ce59ec0p-38, 0x1.719ecb91debf6p-39,
                  -0x1.6ab0fa06ec94dp-39));
    u = fma(u, s, horner(q, -0x1.587df84af7410p-46, 0x1.2b09a08d30628p-43, 0x1.43985f6bc327cp-44,
                  -0x1.46fa1e40952c7p-39, 0x1.6bd7378f6f744p-38, 0x1.3d5bd920949e6p-39,
                  -0x1.614c701b67b2ap-36, 0x1.301007e62a733p-36, 0x1.1aa12cffc05d6p-36,
                  -0x1.0d8a41503117bp-35, 0x1.72f4bdc312a6bp-38, 0x1.c58a5d0389847p-37,
                  -0x1.ab1b680fe3d20p-38));
    u = fma(u, s, horner(q, -0x1.b79a9d1626c61p-43, -0x1.be1bce9b7ddc7p-41, 0x1.4af6b6734333cp-37,
                  -0x1.76fc56fda022fp-37, -0x1.3fd1883a2e902p-35, 0x1.4ef5a8a56686ap-34,
                  -0x1.4a5e70ead51dcp-38, -0x1.8b55c637c7e18p-34, 0x1.8ce1013075896p-34,
                  -0x1.33d7efb50d1e1p-35, -0x1.8ad3bd1aa33fcp-35, 0x1.7577cdcb771e2p-34,
                  -0x1.ce63e719a3c38p-36, -0x1.e07589ff332aep-36, 0x1.0e05b913eaca5p-36));
    u = fma(u, s, horner(q, 0x1.dfbaf41cbff48p-40, -0x1.a64f88993d9d7p-36, 0x1.8046c733ca202p-36,
                  0x1.7f2e4f305734ep-33, -0x1.607242a459e82p-32, -0x1.0cf7df51770aep-33,
                  0x1.60010045bec45p-31, -0x1.921dcdc198913p-32, -0x1.0d40224356292p-32,
                  0x1.aad9097ad56ccp-32, -0x1.891da82e3c5fbp-33, 0x1.15729762af0c2p-35,
                  0x1.fcd6a3a47bad1p-35, -0x1.107b6f832cd37p-33, 0x1.eb4b4b04b36ccp-35,
                  0x1.e89c1b602faa7p-36, -0x1.515f08d89096fp-36));
    u = fma(u, s, horner(q, 0x1.b04746d7c2a1ep-35, -0x1.d1a2f949c85c7p-35, -0x1.ccfc0b4b49b24p-31,
                  0x1.922c521fc4d3ep-30, 0x1.74ac67972d3fap-30, -0x1.0675f4c2b37c4p-28,
                  0x1.e390dc3b0c937p-31, 0x1.5b65d00a7b80fp-29, -0x1.2581267073323p-29,
                  0x1.968e29f59a577p-32, 0x1.406c32edc4ed7p-31, -0x1.62c1757eb22bcp-31,
                  0x1.7cd844972fa61p-32, -0x1.130c5d06f0230p-35, -0x1.165288652c37ep-33,
                  0x1.93c49f947b7e4p-34, -0x1.014b6e3278a78p-37, -0x1.4763e741954b1p-37));
    u = fma(u, s, horner(q, 0x1.a55a1a44fcf19p-33, 0x1.0adbf3b3502b3p-28, -0x1.2af159aed02fbp-27,
                  -0x1.5180b5c870f32p-27, 0x1.c5308e55077ccp-26, -0x1.32d4beb484fc9p-31,
                  -0x1.6fc36f983be8ap-26, 0x1.6ccb15b55d5d6p-27, 0x1.613a45ce43e12p-29,
                  -0x1.717f774ec84e0p-28, 0x1.872011d148aa6p-29, -0x1.0aeafce7a5d10p-31,
                  -0x1.f80ec7943396ap-32, 0x1.2a2d04881893dp-31, -0x1.4393ee36d617ep-32,
                  0x1.52f0fa4135cfcp-34, 0x1.53c8554500a0ep-36, -0x1.81977e68bbc4fp-35,
                  0x1.4cdc6de8db41cp-36));
    u = fma(u, s, horner(q, -0x1.0aa686d596ab1p-26, 0x1.22b7478feac2ep-24, 0x1.04ccf42654b40p-24,
                  -0x1.fcb00b6f13fe2p-23, -0x1.ce26639efa9f8p-31, 0x1.a2a865421eeb7p-23,
                  -0x1.f17e86ad44396p-25, -0x1.45482144b6b7bp-25, 0x1.3a6db8c388e68p-25,
                  -0x1.8582dec9df442p-27, -0x1.24ffcd16453d4p-29, 0x1.20a59ec4cc179p-28,
                  -0x1.4ad241333a006p-29, 0x1.85fbd36b832c4p-31, 0x1.b399dae6a69a1p-35,
                  -0x1.aeb2ea63610d0p-33, 0x1.50597de640976p-33, -0x1.2461fff8eb8f3p-34,
                  -0x1.b94283d6bc186p-39, 0x1.6090e61de9728p-37));
    u = fma(u, s, horner(q, -0x1.39d8805e5be81p-21, -0x1.4f499a53371d7p-23, 0x1.88cb7ce39fc73p-19,
                  -0x1.1b9f3a0081b7dp-21, -0x1.32a584b7ebc49p-19, 0x1.f9561dbdbafabp-22,
                  0x1.95474fb82d5dap-22, -0x1.141aea26b6c24p-22, 0x1.98843dfba97eap-25,
                  0x1.b66f4e0ec41b2p-26, -0x1.96be9912c05efp-26, 0x1.3c354827de855p-27,
                  -0x1.402b9a6dfb793p-30, -0x1.2039ea284b113p-30, 0x1.02b1a855d0c57p-30,
                  -0x1.e1dc28451bcc3p-32, 0x1.0082b51afa373p-33, -0x1.d2b62f1846f9dp-39,
                  -0x1.56328614bfcbap-36, 0x1.77243ae9d7273p-36, -0x1.3122ad375b741p-37));
    u = fma(u, s, horner(q, -0x1.0dec08c749322p-17, -0x1.aa6b9e0d9e8e3p-15, 0x1.0a0bab3b7e55dp-15,
                  0x1.3e37008dca311p-15, -0x1.f7133b19363f5p-18, -0x1.c79c8fd235314p-19,
                  0x1.1a1a82785a1ffp-19, -0x1.6f8ed0e22eed8p-22, -0x1.360ae1b252d85p-23,
                  0x1.ef1ac49e78984p-24, -0x1.34dea25ac221ep-25, 0x1.8a7d5aec378d8p-30,
                  0x1.4e45087157804p-28, -0x1.a56baaf1fe8dbp-29, 0x1.273169aabf368p-30,
                  -0x1.a6477f2a8fa4dp-33, -0x1.3581b17c144fcp-34, 0x1.b694746a6ca0dp-34,
                  -0x1.8862a1509a1d9p-35, 0x1.b8b3f9b78725bp-38, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.7555a4c2e52e7p-10, -0x1.37bc5d27e9060p-9, -0x1.e322f51a422d1p-11,
                  0x1.d07718605da42p-13, 0x1.286198d4e56bcp-17, -0x1.09915e37e7b4bp-16,
                  0x1.d69e4b71c2daap-19, 0x1.228b4ba23e431p-22, -0x1.cc2dcf45981fap-22,
                  0x1.2951f0ac79a01p-23, -0x1.66f0f84518961p-27, -0x1.9d7c9d127bbf8p-27,
                  0x1.f796f00776ba7p-28, -0x1.304667dc33310p-29, 0x1.ba9cc247ce84ep-33,
                  0x1.7dc7e83b68831p-33, -0x1.396343aad755fp-33, 0x1.8b776b8ab69e5p-34,
                  -0x1.e48f5c79489a8p-36, -0x1.56b862dadd668p-37, 0x1.c9b403d3092e1p-38));
    u = fma(u, s, horner(q, 0x1.011bcb6c63814p+0, -0x1.b631f6566bd53p-8, -0x1.86401c3d82ad7p-9,
                  0x1.54aa934f7fe76p-12, 0x1.3933a815f9fe5p-15, -0x1.2e0a4c86662d3p-16,
                  0x1.e7f45eae7f9ebp-20, 0x1.568c3767ddbfep-21, -0x1.4fc75da45f46ep-22,
                  0x1.b3fab850718b2p-25, 0x1.529b2322eb515p-27, -0x1.385bb2b575522p-27,
                  0x1.9263e909213d8p-29, -0x1.74174552620d5p-32, -0x1.67574fa900be8p-33,
                  0x1.29e91749c2fc1p-33, -0x1.438486e464db6p-34, 0x1.41c21e12dbd8bp-36,
                  0x1.2a27d26eb21a9p-37, -0x1.4c368a2fc827dp-38, 0x0.0p+0));
    return u;
  }
};

/// 6 <= w <= 12.5: 299 coefficients.
template <>
struct UniformTile<'i', 1> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(23.076923076923077), T(-2.8461538461538463));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.4f27ab931a82ap-44, -0x1.97979d7e544fdp-42, -0x1.0eab94a19ea8fp-40,
                  0x1.31347e7bb81c1p-39, 0x1.63ebdd403fac3p-40, -0x1.3c58027393baap-39);
    u = fma(u, s, horner(q, -0x1.c02d7e455c972p-46, -0x1.8d7096e8b8a34p-42, 0x1.46aea3e03a6dap-40,
                  0x1.1e5197cf0cbc9p-38, -0x1.326880f6f05eap-37, -0x1.589971188c21bp-37,
                  0x1.46c8887421892p-36, 0x1.45681b4b23c8bp-38, -0x1.51236b63b3386p-37));
    u = fma(u, s, horner(q, -0x1.45e5a2c70a60fp-42, 0x1.48da8c51f6d90p-40, 0x1.d70bb732db38bp-39,
                  -0x1.0a72d4806e557p-38, -0x1.757a02a53bfd6p-39, -0x1.0ab6e4799f26dp-36,
                  0x1.2f18dfd5ddaf0p-37, 0x1.eb3d2a93ae5d9p-36, -0x1.4d1199cae8b18p-36));
    u = fma(u, s, horner(q, 0x1.7777191b77bcep-44, 0x1.5016c9d87137fp-40, -0x1.918c376c5a866p-39,
                  -0x1.317d5506be14ap-36, 0x1.d8a02a5da81d3p-36, 0x1.73892e19a707ep-35,
                  -0x1.fb89663c887a6p-35, 0x1.9c2b100477040p-37, -0x1.c8b210e397723p-35,
                  0x1.ec48c3422ad59p-38, 0x1.7d16786e761fdp-34, -0x1.92b7791f52d85p-35));
    u = fma(u, s, horner(q, 0x1.2dcd29d62d9bdp-41, -0x1.f0a2941724b0bp-40, -0x1.75a00e5673d4ap-38,
                  0x1.3bddf8020c036p-37, -0x1.6804ad0c85183p-35, 0x1.c1baa769eb574p-34,
                  0x1.fd5a68323044ep-35, -0x1.e9a672bc9522ap-33, -0x1.2b8bd966510b2p-41,
                  0x1.eb05d9196144dp-37, 0x1.306c89ea19e26p-32, -0x1.f5ab3badd21f6p-34,
                  -0x1.a55f679403745p-33, 0x1.fe71937474c5ep-34));
    u = fma(u, s, horner(q, -0x1.f520cfbddd0d2p-42, 0x1.b73bd9f04ad61p-39, -0x1.c1ce47718fa8fp-37,
                  0x1.c252b71984403p-36, 0x1.27863ae56e3c6p-34, -0x1.4353744061badp-32,
                  0x1.6766685d39c6dp-32, -0x1.08546cd58ae08p-33, -0x1.93eb4144c4f59p-33,
                  0x1.d9ff01a6d61f3p-32, -0x1.318ec4f7f7ea0p-33, 0x1.403ef7ee9e8d7p-35,
                  -0x1.0d13632873d20p-31, 0x1.1f844d6508ab9p-32, 0x1.0e457aa7e461bp-32,
                  -0x1.5bddb41ee1997p-33));
    u = fma(u, s, horner(q, -0x1.0dad60b2754dfp-39, -0x1.f8f604ac74e19p-38, 0x1.cb34376597b82p-34,
                  -0x1.333c347b1cd84p-32, 0x1.1c7d60f63811ep-32, 0x1.5029fe71ce976p-32,
                  -0x1.711d049ff3416p-30, 0x1.b53ace095a5efp-30, -0x1.05b160271a83ep-31,
                  -0x1.1aa5257c94e59p-33, -0x1.195602e7bc1bfp-37, -0x1.d4c74bf0165cfp-32,
                  0x1.091e0c74bb112p-31, -0x1.f94633faa67e4p-33, 0x1.1c3273fa2ff7bp-31,
                  -0x1.4e9bdc93a5a19p-32, -0x1.83eebb5e0aedfp-33, 0x1.0cd0a397b6efep-33));
    u = fma(u, s, horner(q, 0x1.3ae82b4d25c1ap-36, -0x1.fd5df4e67026cp-34, 0x1.ee265f9241e5bp-36,
                  0x1.25a10fd0fd417p-30, -0x1.7cca483e6f365p-29, 0x1.628e2c30564d3p-29,
                  0x1.538f51babbc59p-32, -0x1.cab37ae654b84p-29, 0x1.401f0310068d8p-28,
                  -0x1.f477aa0cbe08bp-29, 0x1.5e41c55af985ep-31, 0x1.d5d4add68f202p-32,
                  0x1.0ad2938347ec1p-30, -0x1.951e1c71bb492p-32, -0x1.418d602d42dd7p-30,
                  0x1.bd0b5d6afb8b1p-31, -0x1.c1178b55ff183p-34, 0x0.0p+0));
    u = fma(u, s, horner(q, -0x1.8d38010e3b2a6p-38, 0x1.7c5264693692ep-31, -0x1.97ea82f576ec8p-29,
                  0x1.7d41b4358cd70p-29, 0x1.8d8f34c8bc040p-28, -0x1.13f4f805c5d2dp-26,
                  0x1.0ec701e8c5f50p-26, -0x1.845f4868a50dfp-28, -0x1.285a9c50a4487p-28,
                  0x1.0d7885b365561p-27, -0x1.ea45e44a9bccbp-28, 0x1.7e4ec7f8e5a57p-28,
                  -0x1.2018f08f36984p-29, -0x1.fbe332dfac924p-32, -0x1.90ed157b8ac8ep-31,
                  0x1.4ab0672a41dfbp-30, 0x1.7cd353fe300fdp-32, -0x1.a161923f6e88dp-31,
                  0x1.d5ff4d9fbef73p-33));
    u = fma(u, s, horner(q, -0x1.a8c1f1a1517cdp-31, 0x1.188a8a2ae58eap-29, 0x1.3462c992f67e7p-27,
                  -0x1.395080beb35ebp-25, 0x1.46f9ec9368b60p-25, 0x1.2c8a210c4a503p-27,
                  -0x1.c71e0f6d1a7c5p-25, 0x1.e14e1902d9c90p-25, -0x1.21fa91648eabep-25,
                  0x1.57f6408b3f19fp-27, 0x1.5ad1f12309304p-28, -0x1.215d8d0e8c960p-27,
                  0x1.63bf4ca07f83dp-28, -0x1.1af7107466d4ep-28, 0x1.06feef1d20cb8p-28,
                  -0x1.4c2b502038460p-30, 0x1.2b85b97b156eep-39, -0x1.26995b4776283p-31,
                  0x1.0db76c84b618ep-32, 0x1.f4cdf3c4ebe37p-33, -0x1.1234bf2a654a9p-33));
    u = fma(u, s, horner(q, 0x1.0fb97dec9f5d2p-29, -0x1.24bbc4841b1c1p-25, 0x1.4176a2129484cp-24,
                  0x1.0b993b4422c23p-25, -0x1.fa49aa797fd99p-23, 0x1.0b948ca96fe82p-22,
                  -0x1.41385f9dead23p-24, -0x1.288e5bb4668e1p-24, 0x1.d42e162992f88p-24,
                  -0x1.69ab2ac68f478p-24, 0x1.8fdf377db5465p-25, -0x1.54b4d58fe7a66p-26,
                  0x1.ca09dfe29ea8dp-29, 0x1.31d4d8e9e1de6p-28, -0x1.9394e14cac3fbp-29,
                  0x1.34652a6dfda85p-33, -0x1.3d6fa40e1429bp-30, 0x1.f6956a7181e6bp-30,
                  -0x1.9acdae5a4e6f1p-31, 0x1.221fee22f12edp-34, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.aab87b4e7e546p-25, -0x1.c6d5acff2a37ep-25, -0x1.0639796ac966bp-21,
                  0x1.0a036c44cb6dap-20, -0x1.268a647a4e1a8p-22, -0x1.81a0f73335f5fp-21,
                  0x1.c04c0a0eec000p-21, -0x1.f39515024ff34p-22, 0x1.ffdf781147a2bp-24,
                  0x1.a8712b4f858d4p-25, -0x1.76cf6cb96ec42p-24, 0x1.24700040f502fp-24,
                  -0x1.4d9fbd044ea0dp-25, 0x1.57a7eef37dddbp-26, -0x1.5040f6a0ca9d9p-27,
                  0x1.13cc882e7ad27p-29, 0x1.1e2e90861b4b4p-30, 0x1.448e139779e58p-32,
                  -0x1.671af1fe35a01p-31, -0x1.810643d33b405p-32, 0x1.08805d5ba8a7fp-31,
                  -0x1.fb84488cfa9d4p-34));
    u = fma(u, s, horner(q, -0x1.d5088e210c81dp-24, 0x1.1f5d25b27a197p-19, -0x1.89946b417ff3dp-19,
                  -0x1.4fabd994fbfeap-19, 0x1.84dc470bf1f60p-18, -0x1.7153039d47937p-19,
                  -0x1.bc9ea0a006f0ep-23, 0x1.385015c3abb03p-20, -0x1.0221d945838dfp-20,
                  0x1.154c9afd33c02p-21, -0x1.aa39c96ff5ebfp-23, 0x1.788b767d1204fp-25,
                  0x1.7c8b18167e696p-27, -0x1.7a2e502514481p-26, 0x1.1c16de6745c47p-26,
                  -0x1.1cfbc339d705ap-27, 0x1.0ab461750b539p-28, -0x1.5c3437272f50dp-29,
                  0x1.ab4260ff90a51p-30, -0x1.04fb33add596bp-31, -0x1.1bae6dd6a6084p-34,
                  0x1.191ccc6007411p-34));
    u = fma(u, s, horner(q, -0x1.f1b51ecdd606cp-18, 0x1.4d25aff43a140p-17, 0x1.a9c5f05184c36p-16,
                  -0x1.1a3067fa90cf5p-15, -0x1.2f521c9ced3eap-28, 0x1.892a2ada70df1p-17,
                  -0x1.1c0defecc5410p-17, 0x1.c39659af0dafcp-19, -0x1.2500b8c37902dp-21,
                  -0x1.8a900d4403e9fp-22, 0x1.d0948a4237668p-22, -0x1.2be655bf8cddap-22,
                  0x1.2bbf829c82a92p-23, -0x1.f781faae94760p-25, 0x1.6d4a8eecfb684p-26,
                  -0x1.62fff42517dadp-28, -0x1.07d361a9ef740p-30, 0x1.4d2428ae60a43p-30,
                  -0x1.40be609eaa478p-34, 0x1.2cd0e9abdab47p-33, -0x1.00998bdcce40cp-31,
                  0x1.3de527e0b0171p-32, -0x1.f6f6b52af48fap-35));
    u = fma(u, s, horner(q, -0x1.1b61861c8f8f7p-14, -0x1.d12acd9022c88p-13, 0x1.24e785db3e3e4p-12,
                  0x1.6a3a5c223c689p-14, -0x1.a1864f0be16c5p-14, 0x1.3912252bcf7e8p-15,
                  -0x1.d4021d017ad09p-19, -0x1.50b66481be371p-18, 0x1.1dd93f6920157p-18,
                  -0x1.233355abd309cp-19, 0x1.b9133be673e33p-21, -0x1.d63a389297935p-23,
                  0x1.0bb98484a3272p-26, 0x1.f600c077a717fp-26, -0x1.c9ad99bc35612p-26,
                  0x1.0b8951ca00a0dp-26, -0x1.e1bfae18f17a9p-28, 0x1.a924abd85e5acp-29,
                  -0x1.e1a9a52226eb7p-30, 0x1.8c73dbdc34fb8p-31, -0x1.38a283403ffc9p-35,
                  -0x1.b16d95bd7ca8bp-35, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.807a93a8ab4bdp-9, -0x1.7ea2b3993187fp-8, -0x1.661e7a54be8afp-10,
                  0x1.d6b585948d808p-11, -0x1.abe90d1c1fe1bp-13, -0x1.6f67d23d55470p-17,
                  0x1.0b8c67ac25017p-15, -0x1.185cc948814f0p-16, 0x1.778bf5b9c5617p-18,
                  -0x1.234783a8f3562p-20, -0x1.347eb48c48059p-23, 0x1.26ee71e2a5bbbp-22,
                  -0x1.75590afa3094fp-23, 0x1.60dc205aa4cbcp-24, -0x1.190c20c22c013p-25,
                  0x1.8586e569e6130p-27, -0x1.8318ae2f6e80fp-29, -0x1.480ad48f7fce6p-34,
                  0x1.878c69a3f7153p-33, 0x1.235e9d0be57bcp-33, 0x1.3ab84e4c3df55p-34,
                  -0x1.96d0ec87f54cdp-33, 0x1.16f0e22547fe6p-34));
    u = fma(u, s, horner(q, 0x1.023cc0d08254bp+0, -0x1.e27eb4ab5652dp-7, -0x1.6742bed19305ap-8,
                  0x1.65c2a7f50ff0ep-10, -0x1.35ebff2ab88a4p-14, -0x1.2b1634fd89918p-14,
                  0x1.2b6677e467894p-15, -0x1.405e56061505ep-17, 0x1.f6fc8a8680141p-21,
                  0x1.5b7878d43bcbdp-21, -0x1.1439f16647868p-21, 0x1.ff54f9d12d311p-23,
                  -0x1.69d48509a7633p-24, 0x1.84fe3fde198ebp-26, -0x1.ba155cd19fe04p-29,
                  -0x1.188489af7b1e0p-30, 0x1.35272f679ef57p-30, -0x1.a60140e9d9494p-31,
                  0x1.f20cfaad1a17cp-32, -0x1.3ab6e3bd08621p-33, 0x1.88a0b1a808fdep-36,
                  -0x1.c5b250ab5754ap-36, 0x1.be2022ede368ap-37));
    return u;
  }
};

/// 12.5 <= w <= 25: 158 coefficients.
template <>
struct UniformTile<'k', 0> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(50.0), T(-3.0));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.2a718564ea4d8p-47, -0x1.897c0cfffa06dp-45, -0x1.90697668c5c25p-42,
                  0x1.eb90f502033e5p-44, 0x1.3430230f121b8p-39, 0x1.f5f1944ff65cap-41,
                  -0x1.381aabbda950ap-38, -0x1.9531299a31c96p-39, 0x1.dee287437c5a8p-39,
                  0x1.6b0aa578caa33p-39, -0x1.c07054851893fp-41, -0x1.6a99b5d91588bp-41);
    u = fma(u, s, horner(q, 0x1.f9710c6eaad89p-44, 0x1.d2679f5e896e9p-40, -0x1.1c7f7d25447e3p-44,
                  -0x1.1f3d0fa27b6eap-36, -0x1.99880aed55e39p-37, 0x1.81adb929c940ep-35,
                  0x1.4fc9037d00094p-35, -0x1.b6e2f767a38f7p-35, -0x1.5df323cf4cfd1p-35,
                  0x1.2497e89fad5f9p-35, 0x1.107cce80b8f23p-36, -0x1.20fc095ffe7c6p-36,
                  -0x1.68f17d5d3e391p-39, 0x1.fb9cea6f2bd68p-39));
    u = fma(u, s, horner(q, -0x1.7ee5f7e7d2f61p-38, 0x1.1a6ba1eadd6f8p-40, 0x1.ef3748a55cedcp-34,
                  0x1.d159aafd0db53p-34, -0x1.8f666e1224703p-32, -0x1.bfd4bb69f54d6p-32,
                  0x1.bd3fa1189db2ep-32, 0x1.e0dbcddbfbb1ap-32, -0x1.1a8368bfbb91bp-32,
                  -0x1.263c670306cddp-33, 0x1.6caa7c7fe659dp-33, -0x1.54786089f91f9p-36,
                  -0x1.0b5114d288e48p-34, 0x1.0592d5899ec13p-35, 0x1.484288ebe520cp-37,
                  -0x1.f5a2942c4d7e9p-38));
    u = fma(u, s, horner(q, -0x1.953a1d1bb36e2p-36, -0x1.c044528ad1896p-31, -0x1.e652671222d5fp-31,
                  0x1.e9128457f16b4p-29, 0x1.3b8b5ad2c80eap-28, -0x1.052cf132d0e98p-28,
                  -0x1.71cc25681cb8fp-28, 0x1.db7b7b6cdb5dcp-30, 0x1.d42d5c1f7863ep-30,
                  -0x1.49eaf34ad47afp-30, -0x1.2020804fbd77ap-36, 0x1.9f3123042befbp-32,
                  -0x1.f3dffc81173e5p-33, 0x1.3860fd9186828p-36, 0x1.6781503f2f120p-34,
                  -0x1.80708dcc4e3e2p-35, -0x1.48ab9e6afbdeep-37, 0x1.300ec20127a6ep-37));
    u = fma(u, s, horner(q, 0x1.83340e1e4167cp-28, 0x1.af3139f6ad3cep-28, -0x1.7d4a8764fb952p-25,
                  -0x1.e9e00836e7641p-25, 0x1.ad3138a1e871ep-25, 0x1.3e4716f362dbfp-24,
                  -0x1.c14e16f4e32a5p-27, -0x1.5c6182361182fp-26, 0x1.57c8f504cf66dp-27,
                  0x1.5f7b39bfe33a5p-30, -0x1.abfedf6d30beep-29, 0x1.5dbed816318cbp-30,
                  0x1.4da5877b5ea09p-34, -0x1.948dc2b5fc68dp-32, 0x1.b0a45f6f68f42p-33,
                  -0x1.ae501307f179ap-37, -0x1.5c948fcd4ef43p-35, 0x1.0956fa7a6e36dp-36));
    u = fma(u, s, horner(q, -0x1.4785392a3614bp-26, 0x1.8a057566477d9p-21, 0x1.b87aef2dade45p-21,
                  -0x1.0e679b5acf64ap-20, -0x1.503af68599676p-20, 0x1.47cbb04e1d4fap-23,
                  0x1.0a02d554c357ap-22, -0x1.b3919cd442334p-24, -0x1.82f2ed7b1f58ep-27,
                  0x1.97a398b891fb2p-26, -0x1.244ba93146534p-27, -0x1.b7d23a8fd529cp-32,
                  0x1.f7a9c21222422p-30, -0x1.f0240f8f5175fp-31, 0x1.52341c01160e1p-33,
                  0x1.a0c64babaf4b8p-34, -0x1.e31f0ab6a8492p-34, 0x1.687fc9e4762f8p-35,
                  0x1.9f927a4abf937p-37, -0x1.4f6456edd65aep-37));
    u = fma(u, s, horner(q, -0x1.250d5cc9f59cdp-16, -0x1.d5b1e610289f0p-17, 0x1.13358b79cbb72p-15,
                  0x1.d8e437ca43a04p-16, -0x1.0f5960f87e654p-18, -0x1.9035771fe3cc7p-19,
                  0x1.588e7a8aaabcap-20, -0x1.cfab7babee1afp-26, -0x1.49357e1564461p-23,
                  0x1.052cdc06e6f3cp-24, -0x1.cb262113bcdefp-29, -0x1.fa637ab45d927p-28,
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
    u = fma(u, s, horner(q, 0x1.0070bc14317acp+0, -0x1.a44d960aa8e83p-8, -0x1.79f496cdf948fp-9,
                  0x1.318102f362e88p-12, 0x1.3da2f272f6635p-15, -0x1.016711a6bc4b3p-16,
                  0x1.061172f215dbdp-20, 0x1.59a95e7c1a5f5p-21, -0x1.d6c3d1e679026p-23,
                  0x1.93ca259eb91ccp-27, 0x1.00743a0931c5fp-26, -0x1.a48910ce7b34ap-28,
                  0x1.8ce19f8e82966p-31, 0x1.aa114d8f39eecp-32, -0x1.20ea237c534b1p-32,
                  0x1.44abe2c4db9c5p-34, 0x1.8ad2f0a58425dp-37, -0x1.36708fe7d120bp-36,
                  0x1.43095c34341b9p-39, 0x1.6179b2bc5046dp-40));
    return u;
  }
};

/// 6 <= w <= 12.5: 250 coefficients.
template <>
struct UniformTile<'k', 1> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(23.076923076923077), T(-2.8461538461538463));
    const T q = fma(angle, T(2.0), T(-1.0));
    T u = horner(q, 0x1.2887bfed7086bp-45, 0x1.02c09f58e6384p-44, -0x1.7351e2eb06d8cp-40,
                  -0x1.82bb45cf40cacp-40, 0x1.4c495a5f6cb8fp-37, 0x1.fc1fd54f43995p-38,
                  -0x1.d8ef8b39a1ba2p-36, -0x1.f4039ec6f3646p-37, 0x1.4a736ef13b8e1p-35,
                  0x1.994a848d5809dp-37, -0x1.ceb24881f0390p-36, -0x1.d1f4abda6f0ecp-39,
                  0x1.0700065e25cb5p-37);
    u = fma(u, s, horner(q, -0x1.9b71bfbbecab3p-43, 0x1.17d04f25ba175p-39, 0x1.0c5c4c23881a3p-37,
                  -0x1.976c87ab1f6f7p-36, -0x1.a1120b3d38554p-35, 0x1.b08f8eb0d9c40p-34,
                  0x1.655695dbcadd5p-34, -0x1.fea0ac28343b5p-33, 0x1.9eeb3f213c735p-35,
                  0x1.6ca9a7fe34dc9p-32, -0x1.54723b1c3044ap-32, -0x1.29c2be7ab8934p-32,
                  0x1.b5ee880616566p-32, 0x1.e9abf1e9c4ce6p-34, -0x1.f42af5552e1bep-33,
                  -0x1.30a61d9165c6cp-36, 0x1.b964fe0d9fec6p-35));
    u = fma(u, s, horner(q, -0x1.967ff659ae495p-40, -0x1.8ebc3e8049e9ep-36, 0x1.d6757ffc56988p-36,
                  0x1.08ed9534cfcd3p-32, -0x1.174b29bfb95fcp-33, -0x1.95fbe358fe316p-31,
                  0x1.c44f66cc6ef6bp-32, 0x1.ddfc69d33bca0p-31, -0x1.86ab16e511912p-31,
                  -0x1.27bc872939843p-32, 0x1.5c7e4e9b27ac0p-33, 0x1.1a8cb0f4be902p-35,
                  0x1.32447baccee8ap-30, -0x1.be86b948e8d54p-31, -0x1.9d3292307286dp-30,
                  0x1.71cc74059fd63p-30, 0x1.af038cab4344ap-31, -0x1.c69187a8cfc8fp-31,
                  -0x1.4ba291300e646p-33, 0x1.928daf0ae59b3p-33));
    u = fma(u, s, horner(q, 0x1.3cd20d1896a0dp-35, 0x1.1fe8ea1f3baccp-35, -0x1.beee5ab391a72p-31,
                  -0x1.23e921447070ap-31, 0x1.cfad920de662ap-29, 0x1.172638d88718fp-30,
                  -0x1.76cc81aa09060p-28, 0x1.47954fe19d18bp-30, 0x1.e2dda6d2a720dp-29,
                  -0x1.0be0aa0c03f75p-28, 0x1.1436511fe5ba8p-31, 0x1.8271cab3e2372p-29,
                  -0x1.0826027b9b0ebp-30, -0x1.bbe0aee46a557p-30, -0x1.d72a77f0b9280p-30,
                  0x1.969fda79fd77ep-29, 0x1.32a4660123e81p-29, -0x1.bcca4a2bccd5ep-29,
                  -0x1.b3d65716cca5ep-31, 0x1.9a17f272811e8p-30, 0x1.fa19ca7306addp-35,
                  -0x1.0adbebc72125cp-32));
    u = fma(u, s, horner(q, -0x1.a2e724019fbe1p-33, 0x1.297dd14984d47p-29, 0x1.5e9d853a22916p-28,
                  -0x1.9f597fbee2ddep-27, -0x1.3701d08d9931dp-26, 0x1.96f7e2e2bb7dap-26,
                  0x1.0f07cae06c90ap-26, -0x1.a0b440130204cp-26, 0x1.7465595e4193cp-28,
                  0x1.41217a8887018p-27, -0x1.4d87d3b159c90p-27, 0x1.764c3b6f1b22cp-28,
                  -0x1.5b732dfbde29dp-29, -0x1.1c36dd3fe48cdp-28, 0x1.f5e6f448cec16p-28,
                  0x1.939bcd6685e85p-30, -0x1.34b62f00682a8p-28, -0x1.0799b5436b93ap-28,
                  0x1.d53836a427f33p-29, 0x1.c90dc76471c9ep-29, -0x1.3dc8851d9049dp-29,
                  -0x1.d188f2b4a7cb0p-31, 0x1.465181005303bp-31));
    u = fma(u, s, horner(q, -0x1.336e6b263c133p-28, -0x1.c4101faf5a772p-26, 0x1.3ca16154a04aep-25,
                  0x1.2a68277f65aa0p-23, -0x1.23760fac5b58bp-24, -0x1.89885c8954bc0p-23,
                  0x1.94d92ff2096cdp-24, 0x1.c0de0e900aa93p-25, -0x1.624a8559403f6p-24,
                  0x1.5170c6d320f5bp-25, 0x1.6a7990532e875p-28, -0x1.76d63a79beb5dp-26,
                  0x1.ec4fbce119150p-27, -0x1.e267d02496501p-28, 0x1.18967ca66c1f1p-27,
                  0x1.ee2b87641c4acp-30, -0x1.ba6885f1d763cp-27, 0x1.3a34ed3b4b635p-31,
                  0x1.2b4df4606c9a7p-27, 0x1.9cf66adf626b1p-29, -0x1.bdc9acdf6aacdp-28,
                  -0x1.0db073e1f0c67p-29, 0x1.92a4be81aac9bp-29, 0x1.2e4070f80ea51p-32,
                  -0x1.000dd268e8cd8p-31));
    u = fma(u, s, horner(q, 0x1.b509c5a818ce3p-24, -0x1.dd276c9ac015ap-24, -0x1.01cda7c860219p-20,
                  -0x1.12f88d843e79ap-28, 0x1.9b81f13b5381cp-20, -0x1.fcb561ba1f802p-25,
                  -0x1.75c64bf67d3b3p-21, 0x1.caf2075423222p-22, -0x1.302cd59eddeeep-26,
                  -0x1.401c39c7083b7p-23, 0x1.13dd4fb0ce73cp-23, -0x1.f6552cdc3fcbdp-25,
                  0x1.73c5ca069682fp-28, 0x1.7043e157e0ca8p-26, -0x1.282585bf07a6cp-26,
                  0x1.7e5a85bf71047p-33, -0x1.dfb42e074c2dfp-28, 0x1.06e7ea87b41dcp-26,
                  0x1.904e5d8fd9ae0p-28, -0x1.e8c98b3a12b87p-27, -0x1.39b81939e591dp-28,
                  0x1.fcceb92b56d10p-28, 0x1.e4f8adc5405b3p-29, -0x1.b70abb0b41fe7p-29,
                  -0x1.f2eaff7ae00e6p-31, 0x1.7708f92dd94fcp-31));
    u = fma(u, s, horner(q, 0x1.00ec972affcdap-21, 0x1.f72678958cc58p-18, 0x1.412b612b428cap-19,
                  -0x1.cf1d972b1be62p-17, -0x1.0ba8f5594ee32p-18, 0x1.99557dfbcd799p-18,
                  -0x1.c1bb4dd5ceb90p-20, -0x1.db7eddf7c97e2p-21, 0x1.28f6a63f03b30p-20,
                  -0x1.247534d6be15dp-21, 0x1.8e1d376aa6c1fp-24, 0x1.714e43ce8908ap-24,
                  -0x1.a7ab51f167f3ap-24, 0x1.0fc243e3b50fap-24, -0x1.e152c80a41810p-26,
                  -0x1.f9620ff9e85c2p-30, 0x1.3eea4e1ce9888p-27, 0x1.e36cca2d7c944p-29,
                  -0x1.6e0e3440a181cp-31, -0x1.7a022c7a8c45ep-27, 0x1.a51a6562d06cdp-29,
                  0x1.7ebd010a01b3ap-28, -0x1.1ab245938b2fap-31, -0x1.1180286041434p-29,
                  -0x1.0a6791a39c296p-32, 0x1.0256668ddf042p-31));
    u = fma(u, s, horner(q, -0x1.551b793feea78p-14, -0x1.0f90cb48c63c4p-15, 0x1.743e49297c7cap-13,
                  0x1.426b12d15767ap-14, -0x1.da26e8d78f721p-15, 0x1.b76aa33ce5430p-18,
                  0x1.22990f0f0a5c7p-17, -0x1.aaeb00dd89352p-18, 0x1.167b37d48fa00p-19,
                  0x1.73198eac8c49dp-25, -0x1.113c049b08c27p-21, 0x1.899f721269ea0p-22,
                  -0x1.50d009ed36859p-23, 0x1.0b6e20e10e8fep-25, 0x1.4b11faa361bfcp-27,
                  -0x1.a525096165696p-27, 0x1.3f32b67403aaap-26, -0x1.27d8c75452acap-26,
                  -0x1.153f47ac2cb07p-28, 0x1.53ebc842e68f6p-27, 0x1.696d85ab126c7p-28,
                  -0x1.c04d33cf66b7ap-28, -0x1.a3fc33862af6ep-29, 0x1.a7f85c30dbf12p-29,
                  0x1.0464e89e5000dp-31, -0x1.1f173ff8b940ap-31));
    u = fma(u, s, horner(q, 0x1.d2ab4dd145626p-11, -0x1.3fd0fef22b6fap-8, -0x1.6e2817e724233p-10,
                  0x1.78e9c62220c3dp-11, -0x1.83e668c8cd923p-14, -0x1.74c8d8fd3a356p-15,
                  0x1.0205f1f4fed09p-15, -0x1.217404eeb35c8p-17, -0x1.5cbcbb34235f9p-23,
                  0x1.9e29cca78c6bep-20, -0x1.f39cdefd55c1fp-21, 0x1.58bbe25de91d2p-22,
                  -0x1.37b3d14ba95f2p-25, -0x1.69de012878230p-25, 0x1.476c34c097570p-25,
                  -0x1.386d98562ab6fp-26, 0x1.608d9b4ca2a84p-27, -0x1.ea32696b738ffp-28,
                  -0x1.b2d5eb7df035ep-29, 0x1.c4ef13f8be44ap-28, 0x1.dbcf075fb8c01p-30,
                  -0x1.ef06a00de7b7bp-29, -0x1.966a3ac7c5d38p-30, 0x1.e264c17b9393fp-30,
                  0x1.631a54b3e33b1p-32, -0x1.838199d4ce863p-32));
    u = fma(u, s, horner(q, 0x1.00d17133d050dp+0, -0x1.b8d2011b68ce8p-7, -0x1.5ad33fba8a408p-8,
                  0x1.29bf4f7978d6dp-10, 0x1.f922385fc9c8cp-19, -0x1.40638306c7cefp-14,
                  0x1.b05adb4965b7ap-16, -0x1.513f24eab84f9p-19, -0x1.fc1b6d002986cp-20,
                  0x1.58756f2fdcaa3p-20, -0x1.cb7c2e098c71cp-22, 0x1.aca2a9132f142p-25,
                  0x1.608516c4f1151p-25, -0x1.353c5964574f7p-25, 0x1.2cea62dcf9a94p-26,
                  -0x1.ac24fdeaaa739p-28, 0x1.a51142514f2eap-31, 0x1.aa5ec62ded9a1p-30,
                  -0x1.f455b36a0bf6cp-31, -0x1.68eb1d95eb761p-32, -0x1.8952d3801544cp-36,
                  0x1.19de2b86a12cfp-31, -0x1.1a4258aa0b76ap-33, -0x1.38a9a68bc602dp-33,
                  0x1.aea8b9c0ba8edp-35, 0x1.742145959131cp-38));
    return u;
  }
};

/// 3 <= w <= 6: 256 coefficients.
template <>
struct UniformTile<'k', 2> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(12.0), T(-3.0));
    const T q = fma(angle, T(2.380952380952381), T(-1.380952380952381));
    T u = horner(q, -0x1.d0573ebed22e2p-46, -0x1.b83c35f61cb67p-42, 0x1.cfc69bd134431p-41,
                  0x1.8e1915f2fbd9cp-39, -0x1.0d945051f10aap-38, -0x1.6be332ffd8628p-38,
                  0x1.8698c46d93707p-38, 0x1.7f821d2256148p-39, -0x1.5d51f54c21be4p-39);
    u = fma(u, s, horner(q, 0x1.b04e5dceb9faap-42, 0x1.1b58b96902a52p-40, -0x1.3df0f507a6d2bp-37,
                  -0x1.76bc616da563ep-39, 0x1.245043f82d619p-35, -0x1.96f18bd4c9d15p-37,
                  -0x1.324ecbabe303cp-35, 0x1.4f172ba944161p-35, -0x1.8b701cf4eefd0p-39,
                  -0x1.2ebc777e260e1p-35, 0x1.742b7051a4315p-36, 0x1.50906d21a45ffp-37,
                  -0x1.24dd640c0a0d2p-37));
    u = fma(u, s, horner(q, -0x1.842f8c330cc39p-39, 0x1.9b4ae2c60fa22p-38, 0x1.ae5bcec4d81d5p-35,
                  -0x1.056a6c89e77c3p-34, -0x1.19ebc299fda72p-33, 0x1.561c2cb26bec6p-33,
                  0x1.11c41ae7c7ad4p-34, -0x1.23b3f3ff8d052p-33, 0x1.16466fbec909bp-34,
                  -0x1.03dec167496d2p-36, -0x1.0a6f8de7bf0e4p-35, 0x1.373a887eb82bbp-34,
                  -0x1.ee5a4acd34ee6p-36, -0x1.a94d999d592a4p-36, 0x1.0a86fcfbd2e89p-36));
    u = fma(u, s, horner(q, 0x1.ac52afcaf0829p-37, -0x1.a2265636b5591p-34, -0x1.4c233ede87795p-33,
                  0x1.3cca1e3cccfe0p-31, 0x1.a64755e430a0dp-33, -0x1.ec17b762b26e8p-31,
                  0x1.091207f89d264p-32, 0x1.5db5e4a18013dp-32, -0x1.58fba59ea1b66p-32,
                  0x1.a06bbefc76573p-33, -0x1.4ae30d8973273p-33, -0x1.db7c34bc9eb5bp-36,
                  0x1.ef3756f37b540p-33, -0x1.0c4c9a5f3a2c8p-33, -0x1.dc8e91fa26333p-35,
                  0x1.7fe643a9a3c92p-35));
    u = fma(u, s, horner(q, 0x1.dc50a523c90f1p-38, 0x1.a67f25f574796p-31, -0x1.a1e23de4c04a2p-32,
                  -0x1.d814549f17799p-29, 0x1.015b8718d233dp-29, 0x1.d2d6830f1a042p-29,
                  -0x1.832e8a5666505p-29, 0x1.eae05d4142de9p-33, 0x1.356d24b1c0d0ep-30,
                  -0x1.0ec706a3b2c61p-30, 0x1.42b70de9b0fc5p-32, -0x1.7c515c354d4e1p-35,
                  0x1.de827c2a198b1p-33, -0x1.99dd71ba6369bp-36, -0x1.866c1efb5b3dfp-32,
                  0x1.d310841687a33p-33, 0x1.501b7c1cc579ep-34, -0x1.1ac4998f82c35p-34));
    u = fma(u, s, horner(q, -0x1.cfa7c154e9739p-31, -0x1.02d9a934d2eefp-28, 0x1.66e530a85091ap-27,
                  0x1.9c4e822929999p-27, -0x1.743102b61cc65p-26, -0x1.2b4b1df073447p-28,
                  0x1.c7704dc51f890p-27, -0x1.fa68086202d9cp-28, 0x1.0f5a8178ee952p-31,
                  0x1.44c569fed751fp-29, -0x1.186144bd18a52p-29, 0x1.f5f4600a4c867p-31,
                  -0x1.22c814be85b34p-31, 0x1.28c5b458e88fdp-31, -0x1.883938ff99eb5p-34,
                  -0x1.de518fd71fd5bp-32, 0x1.69cf238e1ad2ap-32, 0x1.72cc7c4e65f63p-39,
                  -0x1.a959f8b43dd22p-35));
    u = fma(u, s, horner(q, 0x1.664540df85a40p-27, -0x1.fad14d62762d3p-31, -0x1.8d4ae13b18482p-24,
                  0x1.1d5f0ce40a367p-26, 0x1.0efc1966f5146p-23, -0x1.9fcf174341a16p-25,
                  -0x1.adae0faf7ea22p-26, 0x1.3628d00b99619p-25, -0x1.586056a77598ap-26,
                  0x1.489db76491d4ep-28, 0x1.6b769723c7d5fp-29, -0x1.f96d0a8767dfep-29,
                  0x1.1f8aaa21f5d29p-29, -0x1.878cd3cf08dc7p-30, 0x1.4e6f0f5eb1feep-30,
                  -0x1.24836db3035e4p-33, -0x1.61f573c5a2a11p-32, -0x1.7ecf4650f2efep-34,
                  0x1.41522d235a987p-35, 0x1.5f8493920049dp-33, -0x1.336151828d111p-34));
    u = fma(u, s, horner(q, -0x1.2950f58ec0640p-24, 0x1.1dd4e2483dfe0p-22, 0x1.e1b4d15f5830cp-22,
                  -0x1.5b07c0a20bae1p-21, -0x1.87d5d5914fd0ep-22, 0x1.bad3538550851p-22,
                  -0x1.0c546dd3f2351p-23, -0x1.7bc1d8226162ap-25, 0x1.3f0b89053b5e8p-24,
                  -0x1.a9bee29cc1a88p-25, 0x1.6fea44320d135p-26, -0x1.1ec08eea35741p-28,
                  -0x1.1ae3b62eab3c8p-29, 0x1.b25fca1bb2e8ep-30, -0x1.659ec7cd41bbdp-30,
                  0x1.9418055d19d90p-29, -0x1.139979f7c515dp-29, -0x1.a8345860d4dc6p-31,
                  0x1.9624e3d90410ap-31, 0x1.64a8b619ea5bbp-31, -0x1.d446f07c26292p-32,
                  -0x1.97bb24eca844ep-33, 0x1.11dfb03f9a24cp-33));
    u = fma(u, s, horner(q, -0x1.38fd69b3ba959p-23, -0x1.bdfc0b1b69cb9p-19, 0x1.4059603c14d78p-21,
                  0x1.675bdebd1b2ccp-18, -0x1.0edbd6d933bbbp-20, -0x1.4206ca0e21a8fp-20,
                  0x1.1d3fb3fb395cdp-20, -0x1.d7e57b9e76248p-22, 0x1.e94942f6aa8c3p-25,
                  0x1.2e606ae4a2cf4p-24, -0x1.461bbd7da8578p-24, 0x1.a2fe9466ab71ap-25,
                  -0x1.9c5a182d7d76cp-26, 0x1.4024ff38f3839p-27, -0x1.8999e2224db3bp-29,
                  0x1.a90418146a13bp-31, 0x1.6131a59578e21p-32, -0x1.65c5678a85452p-30,
                  0x1.d5e4687eaa356p-31, 0x1.cd3a6b1cce097p-33, -0x1.fddd8e2af341ap-34,
                  -0x1.2f79517e7f097p-32, 0x1.2e27a342b16b5p-33));
    u = fma(u, s, horner(q, 0x1.c6519af16522fp-17, 0x1.2578f08d3da41p-16, -0x1.405934daf0d94p-15,
                  -0x1.3bd4cd3724670p-16, 0x1.0ba3bd3e553ccp-16, -0x1.0e3797e4c9ea0p-18,
                  -0x1.340d2378d60f1p-20, 0x1.da25febb6c708p-20, -0x1.25a5044b4fd4cp-20,
                  0x1.fd03560d1f47ap-22, -0x1.33e5b50c908ddp-23, 0x1.c47dfdc456d1ap-27,
                  0x1.711fbc1f614e8p-26, -0x1.60563f51dc711p-26, 0x1.b9ec6b3299184p-27,
                  -0x1.3761be2435a13p-27, 0x1.9d44dfabf97e8p-28, -0x1.3f73bc2786356p-30,
                  -0x1.f7dcc43f492e3p-31, -0x1.1911f579354c0p-31, 0x1.16d6f52304e2dp-30,
                  -0x1.a6b7509a644cbp-34, -0x1.09bcd2c3987f1p-32, 0x1.3638e7b2362b8p-34));
    u = fma(u, s, horner(q, -0x1.faed05199e577p-13, 0x1.d9547b0ab66a1p-13, 0x1.8ea22540f0ea4p-12,
                  -0x1.69ece752722f7p-14, -0x1.f65edba7d803bp-16, 0x1.0f34664d513d2p-15,
                  -0x1.003f12dd69ae3p-16, 0x1.370e9b1836cd0p-18, -0x1.28fb33f470ba8p-21,
                  -0x1.d9ee2d3b32730p-22, 0x1.dbd148f7bbb5fp-22, -0x1.1df42b4e4afbdp-22,
                  0x1.1694623bb3b99p-23, -0x1.d6b9139989fd6p-25, 0x1.5e575ad1fdb2cp-26,
                  -0x1.b4cc264149c5ap-28, 0x1.46f8a09437a93p-30, -0x1.233dbd6d41347p-40,
                  -0x1.5fec796e17391p-33, 0x1.77279583e3c9bp-31, -0x1.28b36d2ee3ce8p-31,
                  -0x1.771162e9c18a0p-33, 0x1.4bb27b0ca2ab4p-33, 0x1.4d539bdc6664cp-33,
                  -0x1.8ddf50d0815fcp-34));
    u = fma(u, s, horner(q, -0x1.653793856b081p-11, -0x1.06600eca323a7p-7, -0x1.369d00e4b2ccdp-15,
                  0x1.6fb68b5c8cc91p-11, -0x1.45661ef99b7f4p-12, 0x1.55ced7190a92dp-14,
                  -0x1.1ebac2172334cp-17, -0x1.6472e5fdfce38p-18, 0x1.30e567c10dcf8p-18,
                  -0x1.3120027ac7e3bp-19, 0x1.e3ed56a27204bp-21, -0x1.3d5dbe1bd7619p-22,
                  0x1.3f093fc536884p-24, -0x1.1c3d76328f4d7p-27, -0x1.855b71d6c5be6p-28,
                  0x1.e79b47b3eed22p-28, -0x1.7454dddc792eep-28, 0x1.b7b3ebb7657e2p-30,
                  0x1.eaa3307388d71p-33, 0x1.0cc7ff07570b1p-30, -0x1.304be08929eb7p-30,
                  -0x1.f0f8d757657bap-34, 0x1.4a41de05dae38p-32, 0x1.239446fd15436p-34,
                  -0x1.2bf20505b44a7p-34));
    u = fma(u, s, horner(q, 0x1.001fa7be32e65p+0, -0x1.9ddeeb0174ee9p-6, -0x1.2189d3d44d230p-8,
                  0x1.dfb18a04ffe10p-10, -0x1.83ddb36cbe609p-12, 0x1.7f4e768fd573bp-16,
                  0x1.4ea0824a40a4ap-16, -0x1.9d700e2007aacp-17, 0x1.3d112a1f380d0p-18,
                  -0x1.7446b1d16fae0p-20, 0x1.357695566a21ep-22, -0x1.2e1c03859ee45p-27,
                  -0x1.1cff1c78a9b66p-25, 0x1.a4f2876b7c113p-26, -0x1.b95ec66018056p-27,
                  0x1.91c328d8645f7p-28, -0x1.4949c81a9418dp-29, 0x1.ea74d762daad6p-31,
                  -0x1.7650f859a3728p-32, 0x1.cba90bbcdfba2p-34, -0x1.3e27b2917ddd8p-37,
                  0x1.b32fb3bee7f00p-36, -0x1.53ae29785e264p-36, -0x1.528d718e9b757p-37,
                  0x1.095e84a3ac52bp-37));
    return u;
  }
};

/// 1.5 <= w <= 3: 227 coefficients.
template <>
struct UniformTile<'k', 3> {
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
    u = fma(u, s, horner(q, -0x1.12584702332d4p-36, -0x1.60967ef712ba9p-37, 0x1.3239e7445bc04p-33,
                  -0x1.48f4ce5919705p-35, -0x1.4249baf46b84bp-33, 0x1.428c121831b27p-34,
                  0x1.f8ec524b3607dp-38, -0x1.1eccc8bb86e31p-35, 0x1.30d92d7dcc94fp-36,
                  0x1.197d53ac06d7bp-41, -0x1.98b3063e8b569p-39));
    u = fma(u, s, horner(q, 0x1.91a8496258e9cp-34, -0x1.68c0de79ea068p-34, -0x1.54f0886f42a97p-31,
                  0x1.d7ce988ed58ccp-32, 0x1.0426a2fb35acfp-31, -0x1.683ae2e16c4f3p-32,
                  0x1.3c9162e24bd12p-34, 0x1.79348b4334589p-35, -0x1.038c855e3996cp-34,
                  0x1.f38fa7941f242p-36, 0x1.53142e60ec976p-42, -0x1.238a65bfc7dcfp-38));
    u = fma(u, s, horner(q, -0x1.0102c0aec8825p-31, 0x1.387c553aa3196p-30, 0x1.404579880e032p-29,
                  -0x1.a218736879cc6p-29, -0x1.3c6f7130cf1d5p-30, 0x1.7189dc00ad976p-30,
                  -0x1.0e19b38aceb68p-31, 0x1.6130558f9d30ap-35, 0x1.3ecc2f48ff47fp-34,
                  -0x1.56014a5dc8a1dp-34, 0x1.d0274bb901136p-35, -0x1.2fdb8d3ed8278p-36,
                  -0x1.06ff0f20245fdp-38, 0x1.1a43d97bd1c56p-38));
    u = fma(u, s, horner(q, 0x1.0768e4fd482dfp-29, -0x1.3a287199ed69ep-27, -0x1.8adda92dae008p-28,
                  0x1.25bf40ae81011p-26, 0x1.2ffe6d7f5de13p-33, -0x1.2f70c0c62104fp-28,
                  0x1.5ae1244e98373p-29, -0x1.94abd8197f2eep-31, 0x1.bbb17635c5732p-35,
                  0x1.c2d4a6747ad14p-34, -0x1.130cf9a808f49p-33, 0x1.5f406302f85b0p-34,
                  -0x1.517f05266ba7ap-36, 0x0.0p+0));
    u = fma(u, s, horner(q, -0x1.0399553584eadp-28, 0x1.fabd8771249f2p-25, -0x1.37abd4a9e09f1p-27,
                  -0x1.5903fc84467d6p-24, 0x1.576d84053f73dp-26, 0x1.23ddf76a7a232p-27,
                  -0x1.3a225adbc2038p-27, 0x1.29bfad055de32p-28, -0x1.61cb2d64218a6p-30,
                  0x1.50f40f8ff750dp-33, 0x1.a14ef39b0802fp-34, -0x1.cd92751fe8e9cp-34,
                  0x1.61bf9cbf61720p-34, -0x1.86e931e66d2d2p-35, 0x1.1d940bab74631p-36,
                  -0x1.0ff4d284aad30p-38));
    u = fma(u, s, horner(q, -0x1.4c12fef851cd0p-25, -0x1.530ad5327d8e4p-22, 0x1.16b29006e8fa0p-22,
                  0x1.474e2ace4b311p-22, -0x1.45060d4c06856p-23, 0x1.113aeaebe7ca3p-26,
                  0x1.408aecaa42080p-26, -0x1.03467a0b20bfep-26, 0x1.e9d4d4411f073p-28,
                  -0x1.595878d00d69ap-29, 0x1.74b57f916a4e5p-31, -0x1.ed17a7e16183dp-35,
                  -0x1.86d418334ef7ap-34, 0x1.5759996022ea3p-35, -0x1.b64df9d490532p-36,
                  0x1.48e0c35c01c42p-35, -0x1.0b08066d5096ep-36));
    u = fma(u, s, horner(q, 0x1.74d9ce5926529p-21, 0x1.4b94fa3f535b4p-20, -0x1.3aea115d4aa39p-19,
                  -0x1.8da659bb54729p-21, 0x1.823abc0b75b3fp-21, -0x1.0b096398d2ab1p-22,
                  0x1.fc1ee58765582p-26, 0x1.735455502b824p-26, -0x1.517a7fa1d7780p-26,
                  0x1.665221c00c132p-27, -0x1.2ee28647b22a4p-28, 0x1.bd18bd71540b0p-30,
                  -0x1.1ba74664c7416p-31, 0x1.9278d5f1b1c66p-34, 0x1.0fbb1f5af5ec6p-38,
                  0x1.6c2431c8f49c2p-36, -0x1.05feb81e4a4f0p-38, -0x1.6a780d15ab076p-36,
                  0x1.5b84c4d6462fap-37));
    u = fma(u, s, horner(q, -0x1.f2292e8d4c270p-18, -0x1.49c3e42f168d2p-22, 0x1.03df3167c5a0dp-16,
                  -0x1.0e78eac0fe038p-20, -0x1.12484f43a2926p-19, 0x1.520b773176dddp-20,
                  -0x1.ea66e342dbd7ep-22, 0x1.cf50c4f92953bp-24, -0x1.4f56503cca108p-28,
                  -0x1.b3d324ac5f2bdp-27, 0x1.501a0507915bap-27, -0x1.6b1c93589a714p-28,
                  0x1.4fab649e280d0p-29, -0x1.04a2ba2a3f10ep-30, 0x1.82fc4b1f91576p-32,
                  -0x1.8576ab03dd191p-33, 0x1.446298134cf90p-34, -0x1.a6785ccfb4312p-37, 0x0.0p+0));
    u = fma(u, s, horner(q, 0x1.063370ea22254p-14, -0x1.10a32449494e6p-14, -0x1.405c17af8dad1p-14,
                  0x1.a800fe6b9e8dbp-16, -0x1.7f6b0101d96b3p-20, -0x1.54f319808192dp-19,
                  0x1.cdf782ebdd509p-20, -0x1.97d45f4c7a728p-21, 0x1.24a53177b2570p-22,
                  -0x1.6457b6bbb0ddep-24, 0x1.6150844651edcp-26, -0x1.aed977d6a341cp-29,
                  -0x1.53cf2046c996dp-31, 0x1.e9df1cd89aee1p-31, -0x1.3afe519e75454p-31,
                  0x1.6b6bac11980c1p-32, -0x1.60d9bbe69639dp-33, 0x1.36db84e0d89dbp-35,
                  -0x1.ec487e6378669p-37, 0x1.f64e0eb8375e6p-36, -0x1.bb0965813e43cp-37));
    u = fma(u, s, horner(q, -0x1.4e249431283a5p-12, 0x1.fa05b3ae3cf51p-11, 0x1.69ea5f58407bdp-13,
                  -0x1.2cf3868b00235p-13, 0x1.a0430173db8c5p-15, -0x1.7e255a6fd7c58p-17,
                  0x1.2f930d5edad85p-20, 0x1.4657d967ebde3p-21, -0x1.176fc80a1a1d0p-21,
                  0x1.20ec7da1c9506p-22, -0x1.f7fd33ec71091p-24, 0x1.93fe161c2bd64p-25,
                  -0x1.34263b87f77f6p-26, 0x1.c1995e65f36a3p-28, -0x1.426fb1c78cf7cp-29,
                  0x1.fcb2874921ce3p-31, -0x1.7c824ed599a83p-32, 0x1.23ecd5f40d071p-34,
                  -0x1.24a73332ee9a0p-36, 0x1.e72171160f2d4p-36, -0x1.804a11563c8f6p-37));
    u = fma(u, s, horner(q, -0x1.8f4c697bca441p-8, -0x1.33e97f2cf6863p-7, 0x1.c2851f1d93a2bp-10,
                  -0x1.5de8c8e4ce946p-14, -0x1.637144da423d5p-14, 0x1.9d97093c7ce1cp-15,
                  -0x1.44e719dc2837bp-16, 0x1.b66f057306ab8p-18, -0x1.0f8cf8cb2cff8p-19,
                  0x1.3cd0e42c41140p-21, -0x1.5f0b4e4224ea4p-23, 0x1.6fb5bc623837ep-25,
                  -0x1.64bf00bb93bafp-27, 0x1.309d36c6f71a4p-29, -0x1.4e8dcaa842553p-32,
                  -0x1.8aedfe2077dd2p-34, 0x1.362ac40bf00f2p-34, 0x1.0c25a6cd3aa84p-41,
                  0x1.34b8486d2e506p-37, -0x1.afb479c030387p-36, 0x1.4c470c20eeb2dp-37));
    u = fma(u, s, horner(q, 0x1.f95cd11a21cfdp-1, -0x1.36462a8597d05p-5, -0x1.576715c19f693p-12,
                  0x1.15d282e29d439p-10, -0x1.7c0e8915fd0bap-12, 0x1.8fae6c88fc4f2p-14,
                  -0x1.6f38e5ec23be5p-16, 0x1.28db91a5ade3cp-18, -0x1.842926856722ep-21,
                  0x1.d35186ce29ccdp-25, 0x1.cfcfab86de18dp-26, -0x1.552f90f7340fap-26,
                  0x1.3e5396edf1a6ep-27, -0x1.fe641ed67e321p-29, 0x1.83b68a7d9a33fp-30,
                  -0x1.3de4fba348e06p-31, 0x1.e1a59722ead07p-33, -0x1.5182953162735p-35,
                  0x1.82db319187302p-37, -0x1.8a263fae0d54dp-36, 0x1.3e93f69b49bf9p-37));
    return u;
  }
};

/// 1 <= w <= 1.5: 125 coefficients.
template <>
struct UniformTile<'k', 4> {
  template <Real T>
  LONGTAIL_INLINE static T factor(T r, T angle) {
    const T s = fma(r, T(6.0), T(-5.0));
    const T q = fma(angle, T(5.882352941176471), T(-4.882352941176471));
    T u = horner(q, -0x1.1cc868c0b6046p-45, -0x1.e7bf709e50bc2p-45, 0x1.64a35bd579615p-44,
                  0x1.528cc2b12213cp-45);
    u = fma(u, s, horner(q, 0x1.5f28cc7a18a80p-42, 0x1.38444d076e985p-42, -0x1.8329a69c9d40dp-41,
                  -0x1.cc46bdf631a13p-43, 0x1.d87b7004ed70dp-45));
    u = fma(u, s, horner(q, -0x1.89bcf5a4c2227p-39, -0x1.af5e39a992a4fp-41, 0x1.660f114a79bfbp-38,
                  0x1.d6881e29591c8p-41, -0x1.8c25ed25999aap-42, 0x1.731c09fc079ebp-45));
    u = fma(u, s, horner(q, 0x1.bde1b7dc21b84p-36, -0x1.1b8df818a8667p-38, -0x1.509658a02efd7p-35,
                  -0x1.9676046ed10f1p-39, 0x1.19b5528c62f1dp-39, -0x1.9b3a3cb68bc35p-42));
    u = fma(u, s, horner(q, -0x1.f044461346b48p-33, 0x1.07d15ddfc3e30p-33, 0x1.34d992e1ec60fp-32,
                  0x1.fd85b0edfd864p-43, -0x1.64e726b2d4e12p-37, 0x1.63d2e768d95b7p-39,
                  -0x1.8423ac21cd6b4p-42));
    u = fma(u, s, horner(q, 0x1.0e3a13d47d6b6p-29, -0x1.e00133ba8c262p-30, -0x1.111a80b259f5bp-29,
                  0x1.1ea58b0f96860p-33, 0x1.64bad7d0a9f14p-35, -0x1.fb8fed1d60762p-37,
                  0x1.95dc4ef8248d1p-39, -0x1.972d2e06b45c5p-42));
    u = fma(u, s, horner(q, -0x1.1c3f97280fb66p-26, 0x1.6ce1a550708bep-26, 0x1.c9615efd48ae8p-27,
                  -0x1.d438a51fce6a9p-30, -0x1.cec805fa0745ep-35, 0x1.1b630304a1b86p-34,
                  -0x1.24b52be01b996p-36, 0x1.b28dd0e2c21e9p-39, -0x1.f24a1ebf79600p-42,
                  0x1.967979c4a7ed7p-45));
    u = fma(u, s, horner(q, 0x1.14c1ac9aa37a7p-23, -0x1.01088a8925dabp-22, -0x1.5baf81a12d20fp-24,
                  0x1.0ef6d1776aa26p-26, -0x1.47cf41e3718eep-30, -0x1.1b757c8f18419p-33,
                  0x1.31860e25c0a91p-34, -0x1.2b3007d51c724p-36, 0x1.d075caad8d05fp-39,
                  -0x1.3c21169160b30p-41, 0x1.6624df9f45606p-44));
    u = fma(u, s, horner(q, -0x1.a4ddb86a7bd1fp-21, 0x1.5c99b8f3794dbp-19, 0x1.a6cdde44ba587p-22,
                  -0x1.f774e0a247d14p-24, 0x1.1eb54d1950eb1p-26, -0x1.7798fe4caa6c3p-30,
                  -0x1.ae3afb7cfdf5ap-35, 0x1.b9dd408a43a8ep-35, -0x1.e8294ae55f222p-37,
                  0x1.a1548e2d58636p-39, -0x1.592015abdd4eap-41, 0x1.da0fb6baea2bep-44));
    u = fma(u, s, horner(q, -0x1.f0b4790d48e50p-21, -0x1.cd765d6cd5ba1p-16, -0x1.4a37a73d503f6p-21,
                  0x1.56dc37023bea2p-21, -0x1.202213a82b59ep-23, 0x1.5bf0e7e0155acp-26,
                  -0x1.4f7fbbade6254p-29, 0x1.d79f558423eb7p-33, -0x1.e6b8c1979c5f4p-39,
                  -0x1.2caa36a9a1d04p-38, 0x1.927d18e6ad4c7p-40, -0x1.c5e69b4402cbep-42,
                  0x1.71ddd07c16346p-44));
    u = fma(u, s, horner(q, 0x1.bfaeead9387fep-13, 0x1.2621ca7b2572dp-12, -0x1.49f70c86393cap-16,
                  -0x1.a227a5afbc212p-21, 0x1.271d4d1ecb556p-21, -0x1.0d9397836acf9p-23,
                  0x1.828bef10ff844p-26, -0x1.ef5842711af3cp-29, 0x1.28a4a3af0fa35p-31,
                  -0x1.5234c9a1f0e22p-34, 0x1.73ff97da7f11ep-37, -0x1.94c415c1e934cp-40,
                  0x1.63d583b29a7c2p-43));
    u = fma(u, s, horner(q, -0x1.370e420ae59a2p-7, -0x1.39fae5710480dp-9, 0x1.66f3efad89419p-12,
                  -0x1.3de026c090dc4p-15, 0x1.d9546fdb0c4dbp-19, -0x1.055da313339ecp-22,
                  0x1.245b240318168p-30, 0x1.1da0232898d5ep-28, -0x1.3cd315f127f92p-30,
                  0x1.0769fd3a9fde4p-32, -0x1.897ff4735979ap-35, 0x1.175fdecc579fbp-37,
                  -0x1.8296dfb6b5c6bp-40, 0x1.19b64300da225p-42, -0x1.80d4363453615p-45));
    u = fma(u, s, horner(q, 0x1.e5ac6a3695445p-1, -0x1.9db9e3f6bac95p-6, 0x1.f5669be375973p-11,
                  0x1.30ca029944fadp-18, -0x1.356c7dc1f350ap-17, 0x1.eb7a87cb3c4b8p-20,
                  -0x1.3555a5ca1805cp-22, 0x1.67e513fbcb31bp-25, -0x1.9679d843e7c98p-28,
                  0x1.c7ba445e55fb2p-31, -0x1.00b9819c0f745p-33, 0x1.2449d21a26edbp-36,
                  -0x1.51ed5a616d85ap-39, 0x1.abbd9a3d93537p-42, -0x1.070b00ea7908cp-44));
    return u;
  }
};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
