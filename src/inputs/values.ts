/** Reads an address of Nomad's API and returns it without trailing slashes; like all functions here, throws an error that says what is wrong. */
export function parseUrl(value: string): string {
  if (!/^https?:\/\/[^\s\\]+$/i.test(value) || !URL.canParse(value)) {
    throw new Error('must be an http or https address such as https://nomad.example.com:4646');
  }
  const url = new URL(value);
  if (url.username !== '' || url.password !== '') {
    throw new Error('must not contain credentials; use an Authorization header in the input extraHeaders');
  }
  if (/[?#]/.test(value)) {
    throw new Error('must not contain a query or a fragment');
  }
  return url.href.replace(/\/+$/, '');
}

/** Reads the name of an auth method. */
export function parseMethodName(value: string): string {
  return expectMatch(
    value,
    /^[a-zA-Z0-9-]{1,128}$/,
    'the name of an auth method: 1 to 128 letters, digits and hyphens',
  );
}

/** Reads a DNS name; TLS does not allow IP addresses. https://www.rfc-editor.org/rfc/rfc6066#section-3 */
export function parseServerName(value: string): string {
  return expectMatch(value, /^(?![\d.]+$)[\w-]+(\.[\w-]+)*$/, 'a DNS name such as server.global.nomad');
}

/** Reads the name of a Nomad region. */
export function parseRegion(value: string): string {
  return expectMatch(value, /^[^\s\p{Cc}]+$/u, 'the name of a region, without spaces');
}

/** Reads the name of a Nomad namespace, or the asterisk that means all of them. */
export function parseNamespace(value: string): string {
  return expectMatch(
    value,
    /^([a-zA-Z0-9-]{1,128}|\*)$/,
    'the name of a namespace (1 to 128 letters, digits and hyphens), or * for all',
  );
}

/** Reads 1 to 3600 seconds. */
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
