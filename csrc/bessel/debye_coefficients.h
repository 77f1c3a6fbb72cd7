#pragma once
// Written by tools/make_debye_coefficients.py: do not edit.
//
// Row k holds p_k, lowest degree first: u_k(t) = t^k p_k(t^2) (DLMF 10.41.9), k + 1 numbers.

#include "core/simd.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

inline constexpr int kDebyeTerms = 24;

/// Coefficient j of p_k, 0 <= j <= k. A table inside a function is one that CUDA code can index.
template <Scalar S>
LONGTAIL_INLINE S debye_coefficient(int k, int j) {
  static constexpr S table[300] = {
      // p_0
      0x1.0000000000000p+0,
      // p_1
      0x1.0000000000000p-3, -0x1.aaaaaaaaaaaabp-3,
      // p_2
      0x1.2000000000000p-4, -0x1.9aaaaaaaaaaabp-2, 0x1.5638e38e38e39p-2,
      // p_3
      0x1.2c00000000000p-4, -0x1.c84cccccccccdp-1, 0x1.d8b1c71c71c72p+0,
      -0x1.069ba781948b1p+0,
      // p_4
      0x1.cb60000000000p-4, -0x1.2e9a666666666p+1, 0x1.1940800000000p+3,
      -0x1.669fc3f35ba78p+3, 0x1.2ada78a021b64p+2,
      // p_5
      0x1.d11e000000000p-3, -0x1.d79a53a83a83bp+2, 0x1.5447ad6c16c17p+5,
      -0x1.6f45e11c71c72p+6, 0x1.528b7ca566307p+6, -0x1.c364a631dd95fp+4,
      // p_6
      0x1.251ee80000000p-1, -0x1.a7dce636db6dbp+4, 0x1.b4618ac15dc91p+7,
      -0x1.5dca313ad82d8p+9, 0x1.08ff639300000p+10, -0x1.7ea050e044d42p+9,
      0x1.a923e815a1cf4p+7,
      // p_7
      0x1.ba4c598000000p+0, -0x1.b05d1a13b6db7p+6, 0x1.2c39c95483d71p+10,
      -0x1.4b9a5a063f1c7p+12, 0x1.6c3b258dcc4bep+13, -0x1.a8946669c5f9bp+13,
      0x1.f7db8e0e6ff83p+12, -0x1.dfdd4a56e48aep+10,
      // p_8
      0x1.84bd1aa980000p+2, -0x1.edea5169e2492p+8, 0x1.bc583a953f412p+12,
      -0x1.41d14f581555cp+15, 0x1.dd58770920853p+16, -0x1.8d4416b11fe98p+17,
      0x1.7811802863395p+17, -0x1.7ad4992fff6c7p+16, 0x1.3bb12a52aa2fbp+14,
      // p_9
      0x1.8616a64f6c000p+4, -0x1.387a934e97623p+11, 0x1.614589b7ecd85p+15,
      -0x1.43df4b09fcb1fp+18, 0x1.35a8d45f867f0p+20, -0x1.5773d9d00c99dp+21,
      0x1.cb623a6199ae4p+21, -0x1.6df7ff592a81cp+21, 0x1.404139d5a8d89p+20,
      -0x1.da73980d20117p+17,
      // p_10
      0x1.b8118d37ff700p+6, -0x1.b1f0b7d0cbfb1p+13, 0x1.2cf699e52c822p+18,
      -0x1.540a91065230fp+21, 0x1.958a7e55353d9p+23, -0x1.1e9d645493e4cp+25,
      0x1.fa2b20232a522p+25, -0x1.1ab04f0d89c04p+26, 0x1.84bccd3f0fa29p+25,
      -0x1.2cb3c31e51931p+24, 0x1.90efaed3176ecp+21,
      // p_11
      0x1.13aafea4e5774p+9, -0x1.48256f009b97ep+16, 0x1.11e5c16c629afp+21,
      -0x1.7571ceb9ca037p+24, 0x1.0ef6a77985642p+27, -0x1.d8ead78466863p+28,
      0x1.07e453034ac45p+30, -0x1.827ee7a06eeffp+30, 0x1.7268078e48462p+30,
      -0x1.bff876bd73df6p+29, 0x1.367d9d22f8e58p+28, -0x1.785a32d50ea99p+25,
      // p_12
      0x1.7bc2e57729724p+11, -0x1.0c7a4a7b78e16p+19, 0x1.096da38dd1835p+24,
      -0x1.ad5adfbc76170p+27, 0x1.73c2e3e3845c1p+30, -0x1.8733ea609e897p+32,
      0x1.0b89e3d8c9f56p+34, -0x1.ec227ad1733f1p+34, 0x1.338fb49d78209p+35,
      -0x1.0207616f8514bp+35, 0x1.1679daa552eedp+34, -0x1.5dab67540d45ep+32,
      0x1.84858f40f24dap+29,
      // p_13
      0x1.1d47059b0d98ap+14, -0x1.d8a2cb8a63829p+21, 0x1.110d4e9701237p+27,
      -0x1.0258a06e72954p+31, 0x1.06c7289bb5702p+34, -0x1.475491eb205f5p+36,
      0x1.0c20dd26c89a3p+38, -0x1.2c857cd0fac0cp+39, 0x1.d575cfc9e2c3ap+39,
      -0x1.ff7885a2e2725p+39, 0x1.7d7a79bfd9279p+39, -0x1.73aff169e1ddbp+38,
      0x1.aa8a07524069bp+36, -0x1.b579e01fd909fp+33,
      // p_14
      0x1.d0366d1f2a1fcp+16, -0x1.bd61241f49dd0p+24, 0x1.294f68360d03fp+30,
      -0x1.452fdce361dedp+34, 0x1.7f8bafc20347bp+37, -0x1.16981c00442e8p+40,
      0x1.0c7ef86c5c487p+42, -0x1.6692d03f4fc93p+43, 0x1.53c36f1e925d7p+44,
      -0x1.ccd1190f05129p+44, 0x1.bcc7f72fa3f52p+44, -0x1.2a8f68053f670p+44,
      0x1.091de1749afccp+43, -0x1.18214409fe408p+41, 0x1.0aca592e16b75p+38,
      // p_15
      0x1.96ab69ba805e8p+19, -0x1.bf624170b648dp+27, 0x1.55b4c489b95fdp+33,
      -0x1.abb30c9d41f8cp+37, 0x1.214acc7d910afp+41, -0x1.e4231a32338f6p+43,
      0x1.0e915e49881c9p+46, -0x1.a71b10ac0f97ep+47, 0x1.dbb73479600cap+48,
      -0x1.85ed9a23ccb78p+49, 0x1.d30151d4d5254p+49, -0x1.947f1290b1214p+49,
      0x1.ed9e6cefe60bcp+48, -0x1.92a1f52c0b7a6p+47, 0x1.8a317a4459106p+45,
      -0x1.5e64de75a4806p+42,
      // p_16
      0x1.7da65df946f8bp+22, -0x1.dd3ad540c4610p+30, 0x1.9d7f5fdd32dd4p+36,
      -0x1.258c4c70506d6p+41, 0x1.c337b3c824076p+44, -0x1.ae77ec0689828p+47,
      0x1.13bb05a2903aep+50, -0x1.f1df281e71adfp+51, 0x1.4678cb08b74acp+53,
      -0x1.3c7354c38a71ap+54, 0x1.c8b65d444fac0p+54, -0x1.e986473674e26p+54,
      0x1.80787763a0616p+54, -0x1.ae03f99bb5229p+53, 0x1.44560eec11e37p+52,
      -0x1.27d0e84f1180ep+50, 0x1.ed06d883c7d6cp+46,
      // p_17
      0x1.7e002ac418369p+25, -0x1.0d62f0182a1dbp+34, 0x1.06cc4ec342dfcp+40,
      -0x1.a4062c9f3b6c3p+44, 0x1.6bd69bc1a45c4p+48, -0x1.88436f58b2301p+51,
      0x1.1d2164f816f87p+54, -0x1.25d7cfff31619p+56, 0x1.bb6299640b50dp+57,
      -0x1.f3b7a856e204cp+58, 0x1.a93af4ed25720p+59, -0x1.11eab4c8bb84ap+60,
      0x1.099c0c1b7092fp+60, -0x1.7d964d45c558cp+59, 0x1.89e3930b3b6e8p+58,
      -0x1.1446c7ccdc56fp+57, 0x1.d7b29319145e6p+54, -0x1.71f57863fbe5ap+51,
      // p_18
      0x1.9635110813867p+28, -0x1.40e70cc9eacddp+37, 0x1.5e1f58f95e662p+43,
      -0x1.38d5a9cde4a3fp+48, 0x1.2f440644dfd67p+52, -0x1.6ead1e20cc175p+55,
      0x1.2be8ba9dc1b64p+58, -0x1.5d6b4678505fbp+60, 0x1.2bebc10ef5bc7p+62,
      -0x1.83c4878e30c56p+63, 0x1.7ea65ea189174p+64, -0x1.21f77db77fbbap+65,
      0x1.5139ecd0f2bf0p+65, -0x1.2a7afa9c2e24ap+65, 0x1.8b08bfba4d477p+64,
      -0x1.7a91e93284aa2p+63, 0x1.f04ac0bdb47ffp+61, -0x1.8e2ceacc35af1p+59,
      0x1.26f1dd54e5654p+56,
      // p_19
      0x1.c951379875fb6p+31, -0x1.92432f1640ffep+40, 0x1.e7f0ddd514f99p+46,
      -0x1.e486a604f2a25p+51, 0x1.052efdb460871p+56, -0x1.5fcabf1c85fe0p+59,
      0x1.416740a162443p+62, -0x1.a3e1b7ea9b142p+64, 0x1.962f67888d9bbp+66,
      -0x1.29e7ea4918b24p+68, 0x1.5064b96eb6032p+69, -0x1.26f27a4316c27p+70,
      0x1.92b241399befbp+70, -0x1.aaaea9f0d29a0p+70, 0x1.5b4fa5dca4bb1p+70,
      -0x1.aa112d6e4d78fp+69, 0x1.7d0394b450fcep+68, -0x1.d4cc390208d15p+66,
      0x1.62c4df598a6cap+64, -0x1.f1ebe423d8bc6p+60,
      // p_20
      0x1.0fb5f454e2191p+35, -0x1.08a8d4b11ef0ap+44, 0x1.630057a48c64dp+50,
      -0x1.85a9fd79ea560p+55, 0x1.d097ffcf01792p+59, -0x1.5a7e07d3b7f63p+63,
      0x1.5f57d2a213933p+66, -0x1.ff081c2fa6eb8p+68, 0x1.145be209a042cp+71,
      -0x1.c7af841b3594bp+72, 0x1.2335722245c9fp+74, -0x1.238d12978451ep+75,
      0x1.cbadc5639b313p+75, -0x1.1d63cfad68c82p+76, 0x1.15a27de842b38p+76,
      -0x1.a2500f17c7e10p+75, 0x1.de3135b7f089ep+74, -0x1.90d2955b24c59p+73,
      0x1.d09cdc05b931dp+71, -0x1.4cb7b02234036p+69, 0x1.bb9f9582f0048p+65,
      // p_21
      0x1.53d7328c73eefp+38, -0x1.6cc07368b25e4p+47, 0x1.0d361fe641356p+54,
      -0x1.450d190b38c5ap+59, 0x1.aa77120ebc78dp+63, -0x1.5e5e2ff1360e0p+67,
      0x1.8815029dd4018p+70, -0x1.3b826f6a04548p+73, 0x1.7ae6a5faa7221p+75,
      -0x1.5c67744c88de4p+77, 0x1.f374e79601349p+78, -0x1.1a6cfde23c054p+80,
      0x1.fb86a7f9be001p+80, -0x1.6b41ff0a64334p+81, 0x1.9d7c6547fb723p+81,
      -0x1.73c0764be5ee5p+81, 0x1.049f41920852ap+81, -0x1.16e7f82886b93p+80,
      0x1.b7f930bf72ed1p+78, -0x1.e213a7129711dp+76, 0x1.47a08b5b03625p+74,
      -0x1.a008d177a2c60p+70,
      // p_22
      0x1.be483c6188f8ep+41, -0x1.06b881bb9ee09p+51, 0x1.a8e8d7157b8f6p+57,
      -0x1.18efd860b2efap+63, 0x1.93c34d212c0bdp+67, -0x1.6bb1372ddb678p+71,
      0x1.bee7046100eacp+74, -0x1.8bc0839dea367p+77, 0x1.064486b5114cap+80,
      -0x1.0b26edda5c1b3p+82, 0x1.aa3f0b1df299fp+83, -0x1.0dd38f48d4494p+85,
      0x1.1162d1fdaf72cp+86, -0x1.bd53cebcd39afp+86, 0x1.23c226a4a7f7ep+87,
      -0x1.327fc20b5771ep+87, 0x1.001c400091a10p+87, -0x1.4fc55181d877ap+86,
      0x1.51bfc5c5d0f63p+85, -0x1.f71b233c49123p+83, 0x1.0551c8fcb446cp+82,
      -0x1.51f79042f2f79p+79, 0x1.99a832bdc1a83p+75,
      // p_23
      0x1.32f8782421c7cp+45, -0x1.8ad88dba59f06p+54, 0x1.5c7257091d30dp+61,
      -0x1.f698f843d869ep+66, 0x1.8a03ecbd359ecp+71, -0x1.83775913ba16fp+75,
      0x1.04391123da3f5p+79, -0x1.f8b7c01ac5db5p+81, 0x1.6f3294c5fdfadp+84,
      -0x1.9bea076285473p+86, 0x1.6b4efb7e59918p+88, -0x1.ff0340db9e87fp+89,
      0x1.2153eb7f8bc0bp+91, -0x1.09516f0d69ed4p+92, 0x1.8b0aa8a6bb4c2p+92,
      -0x1.dd18ca8a374e0p+92, 0x1.d14028cf1e04fp+92, -0x1.6b1792ec3f8a2p+92,
      0x1.bef6de3268fa7p+91, -0x1.a81de68882800p+90, 0x1.2b3387942a11ep+89,
      -0x1.277aed1b30d3dp+87, 0x1.6c78820b59cf0p+84, -0x1.a69323c2f51c9p+80,
  };
  return table[k * (k + 1) / 2 + j];
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
