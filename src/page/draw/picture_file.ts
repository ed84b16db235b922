/** The shown pictures as PNG files, enlarged without smoothing. */
import { gridColour, gridExtent, gridPlace } from "../../data/grid.ts";
import type { Place } from "../../train/walk.ts";

/** Width in pixels of a single picture in a file, and of a picture in a grid. */
const wide = { alone: 512, among: 128 };

export function pictureFile(picture: HTMLCanvasElement): Promise<Blob> {
  return enlarged(picture, Math.max(1, Math.floor(wide.alone / picture.width)));
}

/** @param pictures of one size, row by row */
export function gridFile(pictures: readonly HTMLCanvasElement[], columns: number): Promise<Blob> {
  const { width: size } = pictures[0];
  const { width, height } = gridExtent(pictures.length, size, columns);
  const [grid, context] = canvas(width, height);
  context.fillStyle = `rgb(${gridColour})`;
  context.fillRect(0, 0, width, height);
  for (const [n, picture] of pictures.entries()) {
    const { left, top } = gridPlace(n, size, columns);
    context.drawImage(picture, left, top);
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
      // A variation of a variation is named like a variation.
      return `${placeName(place.of).replace(/-varied-\d+$/, "")}-varied-${place.index + 1}`;
  }
}
