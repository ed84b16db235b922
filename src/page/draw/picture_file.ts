/** What is shown, as PNG files: every pixel of a picture a square, nothing smoothed. */
import type { Place } from "../../train/walk.ts";

/** Between the pictures of a grid and around them, as in the training's grids. */
const gap = 2;
const wall = "#18181b";
/** Width in pixels of a single picture in a file, and of a picture in a grid. */
const wide = { alone: 512, among: 128 };

export function pictureFile(picture: HTMLCanvasElement): Promise<Blob> {
  return enlarged(picture, Math.max(1, Math.floor(wide.alone / picture.width)));
}

/** @param pictures of one size, row by row */
export function gridFile(pictures: readonly HTMLCanvasElement[], columns: number): Promise<Blob> {
  const { width: size } = pictures[0];
  const rows = Math.ceil(pictures.length / columns);
  const [grid, context] = canvas(columns * (size + gap) + gap, rows * (size + gap) + gap);
  context.fillStyle = wall;
  context.fillRect(0, 0, grid.width, grid.height);
  for (const [n, picture] of pictures.entries()) {
    context.drawImage(picture, gap + (n % columns) * (size + gap), gap + Math.floor(n / columns) * (size + gap));
  }
  return enlarged(grid, Math.max(1, Math.floor(wide.among / size)));
}

function enlarged(picture: HTMLCanvasElement, factor: number): Promise<Blob> {
  const [large, context] = canvas(picture.width * factor, picture.height * factor);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, 0, large.width, large.height);
  return new Promise((resolve, reject) => {
    large.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser could not make a PNG"))));
  });
}

function canvas(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const made = Object.assign(document.createElement("canvas"), { width, height });
  return [made, made.getContext("2d")!];
}

/** The name of a file that shows this place: `cat-seed-7-no-4`. */
export function placeName(place: Place): string {
  switch (place.kind) {
    case "cat":
      return `cat-seed-${place.seed}-no-${place.index + 1}`;
    case "between":
      return `${placeName(place.from)}-to-${placeName(place.to).replace(/^cat-/, "")}-${Math.round(place.t * 100)}`;
    case "stroll":
      return `${placeName(place.through[0])}-stroll-${place.position.toFixed(2)}`;
    case "variation":
      // A variation of a variation of a variation is one, as names go.
      return `${placeName(place.of).replace(/-varied-\d+$/, "")}-varied-${place.index + 1}`;
  }
}
