const UNIT_S: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Converts a duration of Nomad's API, such as "1h30m" or a number of nanoseconds, to seconds. */
export function parseDuration(value: string | number | undefined): number {
  if (typeof value !== 'string') {
    return (value ?? 0) / 1e9;
  }
  const parts = value.matchAll(/(-?\d+(?:\.\d+)?)(h|ms|m|s)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_S[unit ?? ''] ?? 0), 0);
}

/** Formats seconds as Go does: "1h0m0s", "10m0s", "30s". */
export function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60);
  const parts = [
    hours > 0 && `${String(hours)}h`,
    minutes > 0 && `${String(minutes % 60)}m`,
    `${String(seconds % 60)}s`,
  ];
  return parts.filter(Boolean).join('');
}
