/** Reads an address of Nomad's API and returns it without trailing slashes; throws an error that says what is wrong. */
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

/** Returns a parser for values that match a pattern; it throws an error that says what is expected. */
export function matching(pattern: RegExp, expected: string): (value: string) => string {
  return (value) => {
    if (!pattern.test(value)) {
      throw new Error(`must be ${expected}`);
    }
    return value;
  };
}
