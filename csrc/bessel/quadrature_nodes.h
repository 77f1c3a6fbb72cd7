#pragma once
// Written by tools/make_quadrature_nodes.py: do not edit.
//
// Three grids s = j * step. Node j holds cosh s - 1, then sinh s - s for the right side or
// exp(-s) - 1 + s for the left.

#include "core/simd.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <Scalar S>
struct QuadratureNode {
  S rise;
  S skew;
};

template <int Tier>
struct QuadratureGrid;

template <>
struct QuadratureGrid<0> {
  static constexpr double step = 0x1.8000000000000p-3;
  static constexpr int right_count = 34, left_count = 47;
  template <Scalar S>
  LONGTAIL_INLINE static QuadratureNode<S> right(int j) {
    static constexpr QuadratureNode<S> table[34] = {
        {0x1.20d840d737e62p-6, 0x1.2081b5628ee9ap-10},
        {0x1.23640f685b58ep-4, 0x1.2208239ca08c3p-7},
        {0x1.4ca2326183e2fp-3, 0x1.edbf318972019p-6},
        {0x1.2dc1747975a9ep-2, 0x1.283596e9e347fp-4},
        {0x1.e3f09c329819cp-2, 0x1.25df16e92304bp-3},
        {0x1.67a583f88f999p-1, 0x1.02d955a9a4812p-2},
        {0x1.fc0e8dfefc5b1p-1, 0x1.a482024773f19p-2},
        {0x1.5a37843c44045p+0, 0x1.4230eaaf5a982p-1},
        {0x1.cba39ada261f7p+0, 0x1.d89153e65b84dp-1},
        {0x1.2b25ab120e8eap+1, 0x1.4f0910bcd5e99p+0},
        {0x1.7f89225a736fdp+1, 0x1.ce864d0dce46bp+0},
        {0x1.e5f5ecc230e61p+1, 0x1.387833faeeba2p+1},
        {0x1.310448ca66a4dp+2, 0x1.9ed9552ede7bbp+1},
        {0x1.7c107f8b78338p+2, 0x1.0f6da52e9f182p+2},
        {0x1.d6c503bb997f2p+2, 0x1.5eed1432f437ap+2},
        {0x1.222a497d6185ep+3, 0x1.c124dce12935bp+2},
        {0x1.644e0edc9a1a2p+3, 0x1.1cfbef0f9eaffp+3},
        {0x1.b422d2e3481adp+3, 0x1.670a824ae5918p+3},
        {0x1.0a3c95f9caa21p+4, 0x1.c190c8541821cp+3},
        {0x1.445b571c910c9p+4, 0x1.17fb02f7bbd05p+4},
        {0x1.8a7a4a698c57cp+4, 0x1.5b2a6e6f59c8ap+4},
        {0x1.df12604d71220p+4, 0x1.acd02ba666cf1p+4},
        {0x1.228f969d9fab0p+5, 0x1.07f425270a2a2p+5},
        {0x1.601ceb0641358p+5, 0x1.44062ab5fa9fcp+5},
        {0x1.aa5cc54efd428p+5, 0x1.8cc9e8c872e52p+5},
        {0x1.01f6acf4eb766p+6, 0x1.e4ddb6ecd7265p+5},
        {0x1.37fb8daad33cbp+6, 0x1.27b5125ed0389p+6},
        {0x1.79249dbdfcf6bp+6, 0x1.681f3e22fd533p+6},
        {0x1.c7be071849fb1p+6, 0x1.b5f992ad8a81ep+6},
        {0x1.1346a0cc58c9ap+7, 0x1.0a04c8142b58ep+7},
        {0x1.4c750b824f30ap+7, 0x1.42d3839c5fd9cp+7},
        {0x1.916e67db9b919p+7, 0x1.876d22f67c805p+7},
        {0x1.e4a14c3653934p+7, 0x1.da403edd63132p+7},
        {0x1.247e5a6ce1350p+8, 0x1.1f1deac6e1e63p+8},
    };
    return table[j - 1];
  }
  template <Scalar S>
  LONGTAIL_INLINE static QuadratureNode<S> left(int j) {
    static constexpr QuadratureNode<S> table[47] = {
        {0x1.20d840d737e62p-6, 0x1.0ed025810ef78p-6},
        {0x1.23640f685b58ep-4, 0x1.fe4615e98e8ebp-5},
        {0x1.4ca2326183e2fp-3, 0x1.0eea4c3055a2cp-3},
        {0x1.2dc1747975a9ep-2, 0x1.c7681d7df9afdp-3},
        {0x1.e3f09c329819cp-2, 0x1.510110be06976p-2},
        {0x1.67a583f88f999p-1, 0x1.cc71b2477ab20p-2},
        {0x1.fc0e8dfefc5b1p-1, 0x1.29cd8cdb42624p-1},
        {0x1.5a37843c44045p+0, 0x1.723e1dc92d707p-1},
        {0x1.cba39ada261f7p+0, 0x1.beb5e1cdf0ba1p-1},
        {0x1.2b25ab120e8eap+1, 0x1.074245674733bp+0},
        {0x1.7f89225a736fdp+1, 0x1.308bf7a71898ep+0},
        {0x1.e5f5ecc230e61p+1, 0x1.5afb718e8457fp+0},
        {0x1.310448ca66a4dp+2, 0x1.865e78cbdd9bcp+0},
        {0x1.7c107f8b78338p+2, 0x1.b28b6973646d8p+0},
        {0x1.d6c503bb997f2p+2, 0x1.df5fbe22951e0p+0},
        {0x1.222a497d6185ep+3, 0x1.065f6c3333ac3p+1},
        {0x1.644e0edc9a1a2p+3, 0x1.1d487f33eda8bp+1},
        {0x1.b422d2e3481adp+3, 0x1.346142618a255p+1},
        {0x1.0a3c95f9caa21p+4, 0x1.4ba18e7df4899p+1},
        {0x1.445b571c910c9p+4, 0x1.6302a126a9e1ap+1},
        {0x1.8a7a4a698c57cp+4, 0x1.7a7edfd19478ep+1},
        {0x1.df12604d71220p+4, 0x1.9211a53852976p+1},
        {0x1.228f969d9fab0p+5, 0x1.a9b71769580e1p+1},
        {0x1.601ceb0641358p+5, 0x1.c16c0504695c4p+1},
        {0x1.aa5cc54efd428p+5, 0x1.d92dc868a5d6cp+1},
        {0x1.01f6acf4eb766p+6, 0x1.f0fa2fcffc66ap+1},
        {0x1.37fb8daad33cbp+6, 0x1.0467b4c030423p+2},
        {0x1.79249dbdfcf6bp+6, 0x1.1055f9affa379p+2},
        {0x1.c7be071849fb1p+6, 0x1.1c4746abf7927p+2},
        {0x1.1346a0cc58c9ap+7, 0x1.283b1705ae16ep+2},
        {0x1.4c750b824f30ap+7, 0x1.3430fcbdeadbfp+2},
        {0x1.916e67db9b919p+7, 0x1.40289ca3e227bp+2},
        {0x1.e4a14c3653934p+7, 0x1.4c21ab1e10036p+2},
        {0x1.247e5a6ce1350p+8, 0x1.581be97fd3b2dp+2},
        {0x1.61053f540188ap+8, 0x1.641723d3b6812p+2},
        {0x1.aa07abe5d8dd7p+8, 0x1.70132f066b725p+2},
        {0x1.010c51abea3f7p+9, 0x1.7c0fe761fe74ep+2},
        {0x1.362988c0f760cp+9, 0x1.880d2f4b7d78cp+2},
        {0x1.763ae912a4be4p+9, 0x1.940aee37bddacp+2},
        {0x1.c382bffaed3cep+9, 0x1.a0090fcdd207ap+2},
        {0x1.105d4f24bebc3p+10, 0x1.ac07832f5fa09p+2},
        {0x1.4895f8628be20p+10, 0x1.b8063a605c4edp+2},
        {0x1.8c66d59a6c18cp+10, 0x1.c40529c8d2e4fp+2},
        {0x1.de3408de954fcp+10, 0x1.d00447cc3d670p+2},
        {0x1.206ff8e5a3cb1p+11, 0x1.dc038c72c360ap+2},
        {0x1.5bf29b30946fap+11, 0x1.e802f1214d702p+2},
        {0x1.a3bb152f1c077p+11, 0x1.f402705de4cf5p+2},
    };
    return table[j - 1];
  }
};

template <>
struct QuadratureGrid<1> {
  static constexpr double step = 0x1.2000000000000p-3;
  static constexpr int right_count = 22, left_count = 54;
  template <Scalar S>
  LONGTAIL_INLINE static QuadratureNode<S> right(int j) {
    static constexpr QuadratureNode<S> table[22] = {
        {0x1.4488c712fc54bp-7, 0x1.e67b13a1d9955p-12},
        {0x1.46243193f8826p-5, 0x1.e7ed00b616c78p-9},
        {0x1.71f0329587ec5p-4, 0x1.9dba245ee6c77p-7},
        {0x1.4ca2326183e2fp-3, 0x1.edbf318972019p-6},
        {0x1.07ba102e838b7p-2, 0x1.e67afbff804d6p-5},
        {0x1.82a4e52f178e0p-2, 0x1.a8e8a9c0a0003p-4},
        {0x1.0cc071dd16164p-1, 0x1.55b9aab97d39bp-3},
        {0x1.67a583f88f999p-1, 0x1.02d955a9a4812p-2},
        {0x1.d3ce92d7251d9p-1, 0x1.76c8096a898cbp-2},
        {0x1.29b00abde6683p+0, 0x1.05e7824899c9fp-1},
        {0x1.74707696f6157p+0, 0x1.63de1659b253ep-1},
        {0x1.cba39ada261f7p+0, 0x1.d89153e65b84dp-1},
        {0x1.1881d2657a4d8p+1, 0x1.33df0ccf02c70p+0},
        {0x1.534951a18f377p+1, 0x1.8ad3c3030ab72p+0},
        {0x1.97525ab436167p+1, 0x1.f3964a302589ap+0},
        {0x1.e5f5ecc230e61p+1, 0x1.387833faeeba2p+1},
        {0x1.206165f78c5bfp+2, 0x1.830a26b027601p+1},
        {0x1.54c2b3b9458b3p+2, 0x1.db5665ea872b4p+1},
        {0x1.91287c319c0dbp+2, 0x1.21bbfb6b684cfp+2},
        {0x1.d6c503bb997f2p+2, 0x1.5eed1432f437ap+2},
        {0x1.137ca3c547e9ep+3, 0x1.a6a26bdc03adbp+2},
        {0x1.41adfdcf28980p+3, 0x1.fa7544eec4a27p+2},
    };
    return table[j - 1];
  }
  template <Scalar S>
  LONGTAIL_INLINE static QuadratureNode<S> left(int j) {
    static constexpr QuadratureNode<S> table[54] = {
        {0x1.4488c712fc54bp-7, 0x1.3554ee75ed880p-7},
        {0x1.46243193f8826p-5, 0x1.27a561889715fp-5},
        {0x1.71f0329587ec5p-4, 0x1.3e38ee09ab136p-4},
        {0x1.4ca2326183e2fp-3, 0x1.0eea4c3055a2cp-3},
        {0x1.07ba102e838b7p-2, 0x1.95d5615d2703ap-3},
        {0x1.82a4e52f178e0p-2, 0x1.186ababeef8dfp-2},
        {0x1.0cc071dd16164p-1, 0x1.6ea40e5d6d8fap-2},
        {0x1.67a583f88f999p-1, 0x1.cc71b2477ab20p-2},
        {0x1.d3ce92d7251d9p-1, 0x1.186a8e21e0573p-1},
        {0x1.29b00abde6683p+0, 0x1.4d78933333067p-1},
        {0x1.74707696f6157p+0, 0x1.8502d6d439d71p-1},
        {0x1.cba39ada261f7p+0, 0x1.beb5e1cdf0ba1p-1},
        {0x1.1881d2657a4d8p+1, 0x1.fa492ff7e3a80p-1},
        {0x1.534951a18f377p+1, 0x1.1bbee04013b7bp+0},
        {0x1.97525ab436167p+1, 0x1.3b0e6b3846a35p+0},
        {0x1.e5f5ecc230e61p+1, 0x1.5afb718e8457fp+0},
        {0x1.206165f78c5bfp+2, 0x1.7b714a7de2afbp+0},
        {0x1.54c2b3b9458b3p+2, 0x1.9c5e031007d66p+0},
        {0x1.91287c319c0dbp+2, 0x1.bdb20318cf031p+0},
        {0x1.d6c503bb997f2p+2, 0x1.df5fbe22951e0p+0},
        {0x1.137ca3c547e9ep+3, 0x1.00adb75d184c0p+1},
        {0x1.41adfdcf28980p+3, 0x1.11cd6d5f191b3p+1},
        {0x1.76e0cc8bcf488p+3, 0x1.230a8fc1603c5p+1},
        {0x1.b422d2e3481adp+3, 0x1.346142618a255p+1},
        {0x1.faaab20086d46p+3, 0x1.45ce2abe0ea01p+1},
        {0x1.25ef083c96838p+4, 0x1.574e5ef4e6469p+1},
        {0x1.54ac57f29d064p+4, 0x1.68df56fd482d9p+1},
        {0x1.8a7a4a698c57cp+4, 0x1.7a7edfd19478ep+1},
        {0x1.c869b539de242p+4, 0x1.8c2b1048549e9p+1},
        {0x1.07da5466dd69fp+5, 0x1.9de23f63c415bp+1},
        {0x1.30e25479a3610p+5, 0x1.afa2fbe6bf5dap+1},
        {0x1.601ceb0641358p+5, 0x1.c16c0504695c4p+1},
        {0x1.9679959646e03p+5, 0x1.d33c440570a54p+1},
        {0x1.d50bfd7730327p+5, 0x1.e512c6c2bbc56p+1},
        {0x1.0e88b6c84f293p+6, 0x1.f6eebad97dcd7p+1},
        {0x1.37fb8daad33cbp+6, 0x1.0467b4c030423p+2},
        {0x1.67b0b157f511bp+6, 0x1.0d5a19f4513f2p+2},
        {0x1.9e9a0cc9a2555p+6, 0x1.164e480c66820p+2},
        {0x1.ddce12b97ab8ap+6, 0x1.1f44031887256p+2},
        {0x1.1346a0cc58c9ap+7, 0x1.283b1705ae16ep+2},
        {0x1.3d243e5e8e47bp+7, 0x1.31335695aa82ep+2},
        {0x1.6d542d7a3a5d6p+7, 0x1.3a2c9a79b44cap+2},
        {0x1.a4cac7c598939p+7, 0x1.4326c08b19375p+2},
        {0x1.e4a14c3653934p+7, 0x1.4c21ab1e10036p+2},
        {0x1.170db89ca8b93p+8, 0x1.551d406b435a8p+2},
        {0x1.4156e71906c9ep+8, 0x1.5e196a0d19978p+2},
        {0x1.72029e6aa4780p+8, 0x1.6716148e228f3p+2},
        {0x1.aa07abe5d8dd7p+8, 0x1.70132f066b725p+2},
        {0x1.ea8220d7e0ad8p+8, 0x1.7910aac5c46efp+2},
        {0x1.1a5c797ec6cb2p+9, 0x1.820e7b09455a3p+2},
        {0x1.45123b3d0aae5p+9, 0x1.8b0c94ba97b32p+2},
        {0x1.763ae912a4be4p+9, 0x1.940aee37bddacp+2},
        {0x1.aecfc9fef8ce9p+9, 0x1.9d097f223a69ep+2},
        {0x1.efefc8a110f34p+9, 0x1.a60840349ff3ap+2},
    };
    return table[j - 1];
  }
};

template <>
struct QuadratureGrid<2> {
  static constexpr double step = 0x1.e000000000000p-4;
  static constexpr int right_count = 20, left_count = 41;
  template <Scalar S>
  LONGTAIL_INLINE static QuadratureNode<S> right(int j) {
    static constexpr QuadratureNode<S> table[20] = {
        {0x1.c283e5740c557p-8, 0x1.1971746399178p-12},
        {0x1.c4104f6f5ca46p-6, 0x1.1a06034345fb0p-9},
        {0x1.ff7c59b3081a1p-5, 0x1.dd8d0f6b09574p-8},
        {0x1.ca4ce2a2732fcp-4, 0x1.1c5b2aa2aa714p-6},
        {0x1.69bc91d371fdep-3, 0x1.1769685b59ed5p-5},
        {0x1.07ba102e838b7p-2, 0x1.e67afbff804d6p-5},
        {0x1.6c4a3081008bcp-2, 0x1.85b6fe50750a1p-4},
        {0x1.e3f09c329819cp-2, 0x1.25df16e92304bp-3},
        {0x1.382939d05a7e8p-1, 0x1.a752bc3980dc9p-3},
        {0x1.89aee7b63f8fcp-1, 0x1.2625632e92d08p-2},
        {0x1.e7a845c34a855p-1, 0x1.8d2c4751c1f5cp-2},
        {0x1.29b00abde6683p+0, 0x1.05e7824899c9fp-1},
        {0x1.6728bc0aa11a3p+0, 0x1.52b8d69973937p-1},
        {0x1.ad16926ede360p+0, 0x1.aeebad83596b8p-1},
        {0x1.fc6fae1f1a750p+0, 0x1.0e4bdb4b5b417p+0},
        {0x1.2b25ab120e8eap+1, 0x1.4f0910bcd5e99p+0},
        {0x1.5df2e7a83d19cp+1, 0x1.9afae9e578b9bp+0},
        {0x1.97525ab436167p+1, 0x1.f3964a302589ap+0},
        {0x1.d80df2e4f8225p+1, 0x1.2d3e530982780p+1},
        {0x1.1084c338cb5bep+2, 0x1.68c0e02d8f971p+1},
    };
    return table[j - 1];
  }
  template <Scalar S>
  LONGTAIL_INLINE static QuadratureNode<S> left(int j) {
    static constexpr QuadratureNode<S> table[41] = {
        {0x1.c283e5740c557p-8, 0x1.b0ecce2dd2c40p-8},
        {0x1.c4104f6f5ca46p-6, 0x1.a0cf8f06f3e50p-6},
        {0x1.ff7c59b3081a1p-5, 0x1.c3cab7c5a6ef3p-5},
        {0x1.ca4ce2a2732fcp-4, 0x1.833617f9c8937p-4},
        {0x1.69bc91d371fdep-3, 0x1.23e237bc9b828p-3},
        {0x1.07ba102e838b7p-2, 0x1.95d5615d2703ap-3},
        {0x1.6c4a3081008bcp-2, 0x1.0adc70ece3493p-2},
        {0x1.e3f09c329819cp-2, 0x1.510110be06976p-2},
        {0x1.382939d05a7e8p-1, 0x1.9ca91583f48ecp-2},
        {0x1.89aee7b63f8fcp-1, 0x1.ed386c3dec4f1p-2},
        {0x1.e7a845c34a855p-1, 0x1.2112221a698a7p-1},
        {0x1.29b00abde6683p+0, 0x1.4d78933333067p-1},
        {0x1.6728bc0aa11a3p+0, 0x1.7b98a17bcea0fp-1},
        {0x1.ad16926ede360p+0, 0x1.ab41775a63008p-1},
        {0x1.fc6fae1f1a750p+0, 0x1.dc47a5a77e672p-1},
        {0x1.2b25ab120e8eap+1, 0x1.074245674733bp+0},
        {0x1.5df2e7a83d19cp+1, 0x1.20eae56b0179dp+0},
        {0x1.97525ab436167p+1, 0x1.3b0e6b3846a35p+0},
        {0x1.d80df2e4f8225p+1, 0x1.559f3fb6eb54ap+0},
        {0x1.1084c338cb5bep+2, 0x1.70914c880e417p+0},
        {0x1.39a2fa808cbbcp+2, 0x1.8bd9d17afe0cap+0},
        {0x1.67f257e2ba5e2p+2, 0x1.a76f3eb67a211p+0},
        {0x1.9c15da1bdef78p+2, 0x1.c3491311208e9p+0},
        {0x1.d6c503bb997f2p+2, 0x1.df5fbe22951e0p+0},
        {0x1.0c6730845b579p+3, 0x1.fbac85a407138p+0},
        {0x1.318d2f7d97df7p+3, 0x1.0c14b6e130c24p+1},
        {0x1.5b573ea5612b3p+3, 0x1.1a68920767673p+1},
        {0x1.8a587368b3ff8p+3, 0x1.28cf7661b783cp+1},
        {0x1.bf363e748dd18p+3, 0x1.3747490d29d7cp+1},
        {0x1.faaab20086d46p+3, 0x1.45ce2abe0ea01p+1},
        {0x1.1ec3885b4ccf8p+4, 0x1.54627129099dfp+1},
        {0x1.445b571c910c9p+4, 0x1.6302a126a9e1ap+1},
        {0x1.6ea115b3b0dc3p+4, 0x1.71ad697cec6f2p+1},
        {0x1.9e298ce1dfb34p+4, 0x1.80619e3c50cddp+1},
        {0x1.d39c0964fb250p+4, 0x1.8f1e34a02df82p+1},
        {0x1.07da5466dd69fp+5, 0x1.9de23f63c415bp+1},
        {0x1.29a377ccbc582p+5, 0x1.acaceb7f224b5p+1},
        {0x1.4fa058d4f735ep+5, 0x1.bb7d7d40655bep+1},
        {0x1.7a56abab961c1p+5, 0x1.ca534db718dc9p+1},
        {0x1.aa5cc54efd428p+5, 0x1.d92dc868a5d6cp+1},
        {0x1.e05bacada3d11p+5, 0x1.e80c6945bacd3p+1},
    };
    return table[j - 1];
  }
};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
