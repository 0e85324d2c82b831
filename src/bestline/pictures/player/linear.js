/**
 * Small symmetric systems: a factor of a moment matrix, its principal directions, and the least squares it stands for.
 *
 * Numbers are kept as factors, A = F'F, for as long as can be: the small curvatures of a long valley are then told apart from
 * rounding where those of A itself would drown (Demmel & Veselić 1992).
 */

const EPS = 2 ** -52;

/**
 * A symmetric matrix from its upper triangle, row by row.
 * @type {(packed: number[], q: number) => Float64Array[]}
 */
export function unpacked(packed, q) {
  const rows = Array.from({ length: q }, () => new Float64Array(q));
  let at = 0;
  for (let i = 0; i < q; i++) for (let j = i; j < q; j++) rows[i][j] = rows[j][i] = packed[at++];
  return rows;
}

/**
 * Rows F with F'F = A, as many as A has rank: pivoted Cholesky of A with its columns brought to one size, so units do not matter.
 * @type {(A: ArrayLike<number>[]) => Float64Array[]}
 */
export function factorOf(A) {
  const d = A.length, size = A.map((row, i) => Math.sqrt(Math.max(row[i], 0)));
  const left = A.map((row, i) => Float64Array.from(row, (v, j) => (size[i] > 0 && size[j] > 0 ? v / size[i] / size[j] : 0)));
  const found = [];
  while (found.length < d) {
    let pivot = 0;
    for (let i = 1; i < d; i++) if (left[i][i] > left[pivot][pivot]) pivot = i;
    // What is left of a column that others explain is rounding: as much as its size of 1 has in so many steps.
    if (!(left[pivot][pivot] > 8 * d * EPS)) break;
    const root = Math.sqrt(left[pivot][pivot]), row = left[pivot].map((v) => v / root);
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) left[i][j] -= row[i] * row[j];
    left[pivot][pivot] = 0;
    found.push(row.map((v, j) => v * size[j]));
  }
  return found;
}

/**
 * Principal directions of F'F: squared singular values, descending, and right singular vectors, by one-sided Jacobi (Hestenes 1958).
 * @type {(F: ArrayLike<number>[], d: number) => {values: number[], vectors: Float64Array[]}}
 */
export function principal(F, d) {
  const n = F.length, columns = Array.from({ length: d }, (_, j) => Float64Array.from(F, (row) => row[j]));
  const turned = Array.from({ length: d }, (_, j) => Float64Array.from({ length: d }, (_, i) => Number(i === j)));
  const rotate = (x, y, c, s) => {
    for (let i = 0; i < x.length; i++) [x[i], y[i]] = [c * x[i] - s * y[i], s * x[i] + c * y[i]];
  };
  for (let sweep = 0, moved = true; moved && sweep < 40; sweep++) {
    moved = false;
    for (let p = 0; p < d; p++) {
      for (let q = p + 1; q < d; q++) {
        let a = 0, b = 0, g = 0;
        for (let i = 0; i < n; i++) [a, b, g] = [a + columns[p][i] ** 2, b + columns[q][i] ** 2, g + columns[p][i] * columns[q][i]];
        if (Math.abs(g) <= 2 * EPS * Math.sqrt(a * b) || !g) continue;
        moved = true;
        const zeta = (b - a) / (2 * g), t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta)), c = 1 / Math.hypot(1, t);
        rotate(columns[p], columns[q], c, c * t);
        rotate(turned[p], turned[q], c, c * t);
      }
    }
  }
  const values = columns.map((column) => column.reduce((sum, v) => sum + v * v, 0));
  // Of d directions only as many can rise as F has rows.
  const order = values.map((_, i) => i).sort((i, j) => values[j] - values[i]).slice(0, Math.min(n, d)).filter((i) => values[i] > 0);
  return { values: order.map((i) => values[i]), vectors: order.map((i) => turned[i]) };
}

/**
 * The solution of F'F w = h of least length, along the principal directions of F.
 * @type {(directions: {values: number[], vectors: Float64Array[]}, h: ArrayLike<number>) => Float64Array}
 */
export function solution({ values, vectors }, h) {
  const w = new Float64Array(h.length);
  values.forEach((value, k) => {
    const along = dot(vectors[k], h) / value;
    for (let j = 0; j < w.length; j++) w[j] += along * vectors[k][j];
  });
  return w;
}

/** @type {(a: ArrayLike<number>, b: ArrayLike<number>) => number} */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
