// Numbers as they are read.

/** A count or a rate in few characters: 1234567 is 1.2 M. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toPrecision(2);
}

/** A number with three digits after the point; far smaller or larger ones with an exponent. */
export function plain(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 0.5 * 10 ** -digits || size >= 1e6) ? value.toExponential(1) : value.toFixed(digits);
  return text.replace("-", "−");
}

/** A whole number with thin gaps between thousands. */
export function grouped(value: number): string {
  return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}
