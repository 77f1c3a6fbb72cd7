#pragma once
// The Hadamard matrices of sizes other than powers of two, from number theory: the entries of the
// published tables without the tables.
//
//   K            construction                     equal, entry for entry, to
//   12           Paley II, q = 5, interleaved     had_12_paley of [F]
//   20, 28       Williamson, circulants of 5, 7   had_20_will, had_28_will of [F]
//   40           [[P, P], [P, -P]], P: Paley I    had_40_tpal of [F], get_had40 of [Q]
//                with q = 19
//   36           Paley II, q = 17, in blocks      get_had36 of [Q]
//   60, 108, 140 Paley I, q = 59, 107, 139        get_had60, 108, 140 of [Q]
//   52, 156, 172 Williamson, of 13, 39, 43        get_had52, 156, 172 of [Q]
//
// [F] github.com/Dao-AILab/fast-hadamard-transform, csrc/code_gen.py; [Q] github.com/spcl/QuaRot,
// fake_quant/hadamard_utils.py, who took them from N. Sloane's library of Hadamard matrices. The
// tests compare SHA-256 sums of the rows. [Q]'s own matrices of 12, 20 and 28 are others.
//
// Paley: with chi(a) = 1 or -1 as a is a square mod q or not, chi(0) = 0, the conference matrix C
// of size q + 1 has chi(i - j) inside a border. Williamson: A, B, C, D symmetric circulants in
//   [ A  B  C  D]
//   [-B  A -D  C]
//   [-C  D  A -B]
//   [-D -C  B  A].

#include "core/host_device.h"

namespace longtail::attention {

/// The sizes K, largest first.
inline constexpr int kHadamardBases[] = {172, 156, 140, 108, 60, 52, 40, 36, 28, 20, 12};
inline constexpr int kLargestHadamardBase = 172;

namespace base {

/// 1 if a is a square mod q, -1 if not, 0 if it is 0; q an odd prime.
constexpr int chi(int a, int q) {
  a = ((a % q) + q) % q;
  if (a == 0) return 0;
  for (int root = 1; root <= q / 2; ++root) {
    if (root * root % q == a) return 1;
  }
  return -1;
}

/// Entry of Paley I, size q + 1, q = 3 mod 4: a first row of -1 below the corner, the rest 1 on the
/// border and the diagonal.
constexpr int paley_one(int q, int i, int j) {
  if (j == 0 || i == j) return 1;
  return i == 0 ? -1 : chi(i - j, q);
}

/// Entry of the symmetric conference matrix of size q + 1, q = 1 mod 4.
constexpr int conference(int q, int i, int j) {
  if (i == j) return 0;
  return i == 0 || j == 0 ? 1 : chi(i - j, q);
}

/// Entry of Paley II for an entry c of C in row i, column j (0 or 1) of its 2 x 2 block.
constexpr int paley_two(int c, int i, int j) {
  if (c == 0) return i == 0 && j == 0 ? 1 : -1;
  return i == 1 && j == 1 ? -c : c;
}

/// The first rows of Williamson's A, B, C, D, one after another.
constexpr const char* williamson_rows(int size) {
  switch (size) {
    case 5:
      return "+----"
             "+----"
             "++--+"
             "+-++-";
    case 7:
      return "+------"
             "++----+"
             "+-+--+-"
             "+--++--";
    case 13:
      return "+-+--++++--+-"
             "+---++++++---"
             "++-+--++--+-+"
             "+----+--+----";
    case 39:
      return "+++--+-+-----+--++----++--+-----+-+--++"
             "++++---+--++----+-+--+-+----++--+---+++"
             "+++--++-+---+-+--+----+--+-+---+-++--++"
             "+---++-+-+-----+++-++-+++-----+-+-++---";
    default:  // 43
      return "+---++--++++-+-+++-++--++-+++-+-++++--++---"
             "++-++++++----+-+--++-++-++--+-+----++++++-+"
             "+++-+-++--+-+-++++-+----+-++++-+-+--++-+-++"
             "++---++++-+--+--++--------++--+--+-++++---+";
  }
}

constexpr int williamson(int size, int i, int j) {
  constexpr int which[4][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 3, 0, 1}, {3, 2, 1, 0}};
  constexpr int sign[4][4] = {{1, 1, 1, 1}, {-1, 1, -1, 1}, {-1, 1, 1, -1}, {-1, -1, 1, 1}};
  const int row = i / size, column = j / size;
  const char entry =
      williamson_rows(size)[which[row][column] * size + (j % size - i % size + size) % size];
  return entry == '+' ? sign[row][column] : -sign[row][column];
}

}  // namespace base

/// Entry (i, j), 1 or -1, of the Hadamard matrix of size K, one of kHadamardBases.
constexpr int hadamard_entry(int K, int i, int j) {
  switch (K) {
    case 12:
      return base::paley_two(base::conference(5, i / 2, j / 2), i % 2, j % 2);
    case 36:
      return base::paley_two(base::conference(17, i % 18, j % 18), i / 18, j / 18);
    case 40:
      return (i >= 20 && j >= 20 ? -1 : 1) * base::paley_one(19, i % 20, j % 20);
    case 60:
    case 108:
    case 140:
      return base::paley_one(K - 1, i, j);
    default:
      return base::williamson(K / 4, i, j);
  }
}

}  // namespace longtail::attention
