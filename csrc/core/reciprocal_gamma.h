#pragma once
// 1/Gamma near 1, for series such as Temme's for K_v at small x.

#include "simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

/// 1/Gamma(1 + mu) = sum_k (high[k] + low[k]) mu^k (DLMF 5.7.1 with the index shifted by one);
/// the terms left out are below 2^-80 for |mu| <= 1/2.
struct ReciprocalGamma {
  static constexpr double high[] = {
      0x1p0,
      0x1.2788cfc6fb619p-1,
      -0x1.4fcf4026afa2ep-1,
      -0x1.5815e8fa27048p-5,
      0x1.5512320b43fbep-3,
      -0x1.59af103c34092p-5,
      -0x1.3b4af28483e21p-7,
      0x1.d919c527f60b2p-8,
      -0x1.317112ce3a2a8p-10,
      -0x1.c364fe6f1563dp-13,
      0x1.0c8a78cd9f9d2p-13,
      -0x1.51ce8af47eabep-16,
      -0x1.4fad41fc34fbbp-20,
      0x1.302509dbc0de3p-20,
      -0x1.b9986666c225dp-23,
      0x1.a44b7ba22d629p-28,
      0x1.57bc3fc384334p-28,
      -0x1.44b4cedca388fp-30,
      0x1.cae7675c18607p-34,
      0x1.11d065bfaf067p-37,
      -0x1.0423bac8ca3fbp-38,
      0x1.1f20151323cdp-41,
      -0x1.72cb88ea5ae6ep-46,
      -0x1.815f72a05f16fp-48,
      0x1.6198491a83bcdp-50,
      -0x1.10613dde57a89p-53,
  };
  static constexpr double low[] = {
      0x0p0,
      -0x1.6cb90701fbfabp-58,
      0x1.8a3db7a90c42ap-56,
      0x1.b85ea59bc3638p-60,
      0x1.77e9bfd84d0f8p-57,
      -0x1.ef8da0241c465p-59,
      -0x1.38dbcf40c139bp-61,
      -0x1.a91714b11611fp-62,
      0x1.0b48922be53b9p-64,
      0x1.6707f71f86f2ep-69,
      -0x1.6193e5e682992p-67,
      0x1.26de8c501cb48p-75,
      -0x1.01776ab160dc8p-75,
      -0x1.bf09003481b1ap-75,
      -0x1.d12e45de59d01p-79,
      -0x1.4d6f19c81365fp-82,
      -0x1.30a82205f48c5p-86,
      -0x1.f1c4c0ce1c9c5p-84,
      -0x1.d04082c7c66aap-89,
      0x1.16b58cf85bbf4p-91,
      0x1.56e661d0c83bp-92,
      0x1.c8f6862a8bddcp-96,
      -0x1.de95486d20bfdp-100,
      -0x1.a4cb318673048p-103,
      -0x1.07669bbb14734p-104,
      0x1.0ac528c8febccp-107,
  };
};

/// Temme's Gamma_1(mu) = (1/Gamma(1 - mu) - 1/Gamma(1 + mu)) / (2 mu), |mu| <= 1/2.
/// Source: N. M. Temme, J. Comput. Phys. 19 (1975) 324, section 2. T may be a jet.
template <class T>
LONGTAIL_INLINE T temme_gamma1(T mu) {
  const T square = mu * mu;
  return horner(square, -0x1.2788cfc6fb619p-1, 0x1.5815e8fa27048p-5, 0x1.59af103c34092p-5,
                -0x1.d919c527f60b2p-8, 0x1.c364fe6f1563dp-13, 0x1.51ce8af47eabep-16,
                -0x1.302509dbc0de3p-20, -0x1.a44b7ba22d629p-28, 0x1.44b4cedca388fp-30);
}

/// Temme's Gamma_2(mu) = (1/Gamma(1 - mu) + 1/Gamma(1 + mu)) / 2, |mu| <= 1/2.
template <class T>
LONGTAIL_INLINE T temme_gamma2(T mu) {
  const T square = mu * mu;
  return horner(square, 0x1p0, -0x1.4fcf4026afa2ep-1, 0x1.5512320b43fbep-3, -0x1.3b4af28483e21p-7,
                -0x1.317112ce3a2a8p-10, 0x1.0c8a78cd9f9d2p-13, -0x1.4fad41fc34fbbp-20,
                -0x1.b9986666c225dp-23, 0x1.57bc3fc384334p-28, 0x1.cae7675c18607p-34);
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
