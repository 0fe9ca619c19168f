// Pictures of the user's: files, read upright as their EXIF data say, and frames of a camera.

import type { KernelsImage, KernelsPhoto } from "../../wire";

/** The longest side of a picture that is taken; a larger one is made smaller. */
const SIDE = 384;
/** The most bytes of a file. */
const MOST = 40_000_000;

export interface Taken {
  photo: KernelsPhoto;
  /** What happened to it, if anything did. */
  told: string;
}

/** Reads a picture from a file. It fails with a sentence. */
export async function fromFile(file: File, to?: { width: number; height: number }): Promise<Taken> {
  if (file.size > MOST) throw new Error(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB, at most ${MOST / 1e6} MB are read: make it smaller first.`);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(`${file.name} is no picture that this browser reads: PNG and JPEG are.`);
  }
  const share = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const width = to?.width ?? Math.max(1, Math.round(bitmap.width * share));
  const height = to?.height ?? Math.max(1, Math.round(bitmap.height * share));
  if (to && (bitmap.width !== width || bitmap.height !== height)) {
    throw new Error(`${file.name} has ${bitmap.width}×${bitmap.height} pixels, the picture before ${width}×${height}: the same size is expected.`);
  }
  const photo = shrunk(bitmap, width, height);
  const told = share < 1 && !to ? `${file.name} was made smaller, from ${bitmap.width}×${bitmap.height} to ${width}×${height} pixels.` : "";
  bitmap.close();
  return { photo, told };
}

/** The newest frame of a camera. */
export function fromCamera(video: HTMLVideoElement): KernelsPhoto | null {
  if (video.videoWidth === 0) return null;
  const share = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
  return shrunk(video, Math.max(1, Math.round(video.videoWidth * share)), Math.max(1, Math.round(video.videoHeight * share)));
}

let canvas: HTMLCanvasElement | null = null;

function shrunk(source: CanvasImageSource, width: number, height: number): KernelsPhoto {
  canvas ??= document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser has no canvas to read pictures with.");
  // Where a picture lets something through there is white behind it.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0, width, height);
  const rgba = context.getImageData(0, 0, width, height).data;
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    rgb[to++] = rgba[from] ?? 0;
    rgb[to++] = rgba[from + 1] ?? 0;
    rgb[to++] = rgba[from + 2] ?? 0;
  }
  return { width, height, rgb };
}

/** A picture as the canvas wants it. */
export function painted(image: KernelsImage): ImageData {
  const { width, height, channels, bytes } = image;
  const data = new ImageData(width, height);
  const area = width * height;
  for (let at = 0; at < area; at++) {
    const red = bytes[at] ?? 0;
    data.data[4 * at] = red;
    data.data[4 * at + 1] = channels === 3 ? (bytes[area + at] ?? 0) : red;
    data.data[4 * at + 2] = channels === 3 ? (bytes[2 * area + at] ?? 0) : red;
    data.data[4 * at + 3] = 255;
  }
  return data;
}

/** A photo as a picture that is drawn. */
export function asImage(photo: KernelsPhoto): KernelsImage {
  const area = photo.width * photo.height;
  const bytes = new Uint8Array(3 * area);
  for (let at = 0; at < area; at++) for (let c = 0; c < 3; c++) bytes[c * area + at] = photo.rgb[3 * at + c] ?? 0;
  return { width: photo.width, height: photo.height, channels: 3, bytes };
}

/** The header of a safetensors file, and how many bytes follow it. */
export async function header(file: File): Promise<{ json: Uint8Array; begin: number; follow: number }> {
  const first = new DataView(await file.slice(0, 8).arrayBuffer());
  const length = first.byteLength === 8 ? Number(first.getBigUint64(0, true)) : NaN;
  if (!(length >= 2 && length <= Math.min(file.size - 8, 4_000_000))) throw new Error(`${file.name} is no safetensors file: its first eight bytes are not the length of a header.`);
  const json = new Uint8Array(await file.slice(8, 8 + length).arrayBuffer());
  return { json, begin: 8 + length, follow: file.size - 8 - length };
}
