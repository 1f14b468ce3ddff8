import assert from 'node:assert';

/** Reads an address of Nomad's API and returns it without trailing slashes; throws an error that says what is wrong. */
export function parseUrl(value: string): string {
  const isAddress = /^https?:\/\/[^\s\\]+$/i.test(value) && URL.canParse(value);
  assert(isAddress, 'must be an http or https address such as https://nomad.example.com:4646');
  const { username, password, href } = new URL(value);
  assert(
    username === '' && password === '',
    'must not contain credentials; use an Authorization header in the input extraHeaders',
  );
  assert(!/[?#]/.test(value), 'must not contain a query or a fragment');
  return href.replace(/\/+$/, '');
}

/** Returns a parser for values that match a pattern; it throws an error that says what is expected. */
export function matching(pattern: RegExp, expected: string): (value: string) => string {
  return (value) => {
    assert(pattern.test(value), `must be ${expected}`);
    return value;
  };
}
