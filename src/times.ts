/** Formats milliseconds as seconds. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Formats a time, in milliseconds or as a text, as RFC 3339, in whole seconds. */
export function formatTime(time: number | string): string {
  const json = new Date(time).toJSON() as string | null;
  return json?.replace(/\.\d+/, '') ?? 'an unreadable time';
}
