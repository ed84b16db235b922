/** Pictures [groups·G, H,W,C], where each G consecutive ones form a group. */
export interface MinibatchDims {
  readonly G: number;
  /** Pixels per picture, H·W. */
  readonly pixels: number;
  readonly C: number;
}

const EPSILON = 1e-8;

/** Calls `column` for each element of a picture, with the indices in x of that element in the group's G pictures. */
function forColumns(
  size: number,
  { G, pixels, C }: MinibatchDims,
  column: (group: number, at: number[]) => void,
): void {
  const M = pixels * C;
  for (let group = 0; group < size / (G * M); group++) {
    for (let m = 0; m < M; m++) {
      column(
        group,
        Array.from({ length: G }, (_, n) => (group * G + n) * M + m),
      );
    }
  }
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Deviations z from the column's mean, and sigma = sqrt(mean z² + 1e-8). */
function deviations(x: ArrayLike<number>, at: readonly number[]): { z: number[]; sigma: number } {
  const middle = mean(at.map((i) => x[i]));
  const z = at.map((i) => x[i] - middle);
  return { z, sigma: Math.sqrt(mean(z.map((value) => value * value)) + EPSILON) };
}

/** The index in y, whose pixels have one more channel. */
const inY = (i: number, C: number) => i + Math.floor(i / C);

/** Fills y's last channel with one value per group. */
function fillLastChannel(y: Float64Array, values: ArrayLike<number>, { G, pixels, C }: MinibatchDims): void {
  for (let pixel = 0; pixel < y.length / (C + 1); pixel++) {
    y[pixel * (C + 1) + C] = values[Math.floor(pixel / (G * pixels))];
  }
}

/** The sums of dy's last channel over each group. */
function lastChannelSums(dy: ArrayLike<number>, { G, pixels, C }: MinibatchDims): Float64Array {
  const sums = new Float64Array(dy.length / (G * pixels * (C + 1)));
  for (let pixel = 0; pixel < dy.length / (C + 1); pixel++) {
    sums[Math.floor(pixel / (G * pixels))] += dy[pixel * (C + 1) + C];
  }
  return sums;
}

/**
 * Minibatch standard deviation: one more channel, in which D sees how much the pictures of a group differ.
 *
 *     f[group] = mean over h, w, c of sqrt(variance of x[·, h,w,c] over the group + 1e-8)
 *
 * Source: Karras et al. 2018, "Progressive growing of GANs", arxiv.org/abs/1710.10196, section 3.
 *
 * @param x [groups·G, H,W,C]
 * @returns y [groups·G, H,W,C+1]: x with f as the last channel
 */
export function minibatchStddev(x: ArrayLike<number>, dims: MinibatchDims): Float64Array {
  const { G, pixels, C } = dims;
  const y = new Float64Array(x.length + x.length / C);
  const f = new Float64Array(x.length / (G * pixels * C));
  forColumns(x.length, dims, (group, at) => {
    f[group] += deviations(x, at).sigma / (pixels * C);
    for (const i of at) y[inY(i, C)] = x[i];
  });
  fillLastChannel(y, f, dims);
  return y;
}

/**
 * The gradient of `minibatchStddev`: dx = dy's first C channels + s · z / (G·M·sigma), M = H·W·C, with s the sum of dy's
 * last channel over the group.
 *
 * @param dy [groups·G, H,W,C+1]
 * @returns dx [groups·G, H,W,C]
 */
export function minibatchStddevGradient(
  dy: ArrayLike<number>,
  x: ArrayLike<number>,
  dims: MinibatchDims,
): Float64Array {
  const { G, pixels, C } = dims;
  const sums = lastChannelSums(dy, dims);
  const dx = new Float64Array(x.length);
  forColumns(x.length, dims, (group, at) => {
    const { z, sigma } = deviations(x, at);
    for (const [n, i] of at.entries()) dx[i] = dy[inY(i, C)] + (sums[group] * z[n]) / (G * pixels * C * sigma);
  });
  return dx;
}

/**
 * The gradients of ⟨u, minibatchStddevGradient(dy, x)⟩ with respect to
 *
 *     dy: u, with the derivative of f along u as the last channel, Σ u·z / (G·M·sigma)
 *     x:  s / (G·M·sigma) · (u − mean u − z · mean(u·z) / sigma²), means over the group
 *
 * @param u [groups·G, H,W,C]
 * @returns ddy like dy, ddx like x
 */
export function minibatchStddevCurvature(
  u: ArrayLike<number>,
  dy: ArrayLike<number>,
  x: ArrayLike<number>,
  dims: MinibatchDims,
): { ddy: Float64Array; ddx: Float64Array } {
  const { G, pixels, C } = dims;
  const M = pixels * C;
  const sums = lastChannelSums(dy, dims);
  const slopes = new Float64Array(sums.length);
  const ddy = new Float64Array(dy.length);
  const ddx = new Float64Array(x.length);
  forColumns(x.length, dims, (group, at) => {
    const { z, sigma } = deviations(x, at);
    const middle = mean(at.map((i) => u[i]));
    const along = mean(at.map((i, n) => u[i] * z[n]));
    slopes[group] += along / (M * sigma);
    for (const [n, i] of at.entries()) {
      ddy[inY(i, C)] = u[i];
      ddx[i] = (sums[group] / (G * M * sigma)) * (u[i] - middle - (z[n] * along) / sigma ** 2);
    }
  });
  fillLastChannel(ddy, slopes, dims);
  return { ddy, ddx };
}
