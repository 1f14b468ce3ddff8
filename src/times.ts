/** Formats milliseconds as seconds. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Formats a time in milliseconds as RFC 3339, in whole seconds. */
export function formatTime(ms: number): string {
  const time = new Date(ms).toJSON() as string | null;
  return time?.replace(/\.\d+/, '') ?? 'an unreadable time';
}
