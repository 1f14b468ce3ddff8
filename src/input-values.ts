/** Returns an address of Nomad's API without trailing slashes; throws what is wrong with it, as the other functions here do. */
export function parseUrl(value: string): string {
  if (!/^https?:\/\/[^\s\\]+$/i.test(value) || !URL.canParse(value)) {
    throw new Error('must be an http or https address such as https://nomad.example.com:4646');
  }
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') {
    throw new Error('must hold no credentials; the input extraHeaders takes an Authorization header');
  }
  if (/[?#]/.test(value)) {
    throw new Error('must hold no query and no fragment');
  }
  return url.href.replace(/\/+$/, '');
}

/** Takes what Nomad can call an auth method. */
export function parseMethodName(value: string): string {
  return expectMatch(
    value,
    /^[a-zA-Z0-9-]{1,128}$/,
    '1 to 128 letters, digits and hyphens, as Nomad names auth methods',
  );
}

/**
 * Takes a DNS name, as TLS knows no server name that is an IP address.
 * https://www.rfc-editor.org/rfc/rfc6066#section-3
 */
export function parseServerName(value: string): string {
  return expectMatch(value, /^(?![\d.]+$)[\w-]+(\.[\w-]+)*$/, 'a DNS name such as server.global.nomad');
}

/** Takes the name of a Nomad region. */
export function parseRegion(value: string): string {
  return expectMatch(value, /^[^\s\p{Cc}]+$/u, 'the name of a region, without spaces');
}

/** Returns 1 to 3600 seconds. */
export function parseTimeout(value: string): number {
  const seconds = Number(expectMatch(value, /^\d+$/, 'a whole number of seconds'));
  if (seconds < 1 || seconds > 3600) {
    throw new Error('must be 1 to 3600 seconds');
  }
  return seconds;
}

function expectMatch(value: string, pattern: RegExp, expected: string): string {
  if (!pattern.test(value)) {
    throw new Error(`must be ${expected}`);
  }
  return value;
}
