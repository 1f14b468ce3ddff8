import { Refusal, Unknown } from '../../nomad-rules/errors.js';

/** How a value is read, and which value a field has that is null or missing. */
export type Kind<T> = (value: unknown, field: string) => T;

/** The fields of an object, by their names in Nomad's API. */
type Shape<T> = { [F in keyof T]: Kind<T[F]> };

function kind<T>(zero: T, accepts: (value: unknown) => value is T): Kind<T> {
  return (value, field) => {
    if (value == null) {
      return zero;
    }
    if (!accepts(value)) {
      throw new Refusal(400, `json: cannot unmarshal ${JSON.stringify(value)} into ${field}`);
    }
    return value;
  };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isList = (value: unknown): value is unknown[] => Array.isArray(value);

export const text = kind('', isText);
export const flag = kind(false, (value) => typeof value === 'boolean');
/** A duration such as "1h", or a number of nanoseconds. */
export const duration = kind<string | number>(0, (value) => isText(value) || typeof value === 'number');
export const texts: Kind<string[]> = (value, field) => kind([], isList)(value, field).map((item) => text(item, field));

/** Text by text, such as the claim mappings. */
export const mapping: Kind<Record<string, string>> = (value, field) =>
  Object.fromEntries(entries(value, field).map(([key, item]) => [key, text(item, `${field}.${key}`)]));

/** A field that the fake Nomad does not know. */
export const unknown: Kind<undefined> = (value, field) => {
  if (value != null) {
    throw new Unknown(`the field ${field}`);
  }
  return undefined;
};

export const listOf =
  <T>(item: Kind<T>): Kind<T[]> =>
  (value, field) =>
    kind([], isList)(value, field).map((each) => {
      if (each === null) {
        throw new Unknown(`null in ${field}`);
      }
      return item(each, field);
    });

/** An object, whose fields are found whatever their case, as Go does; it ignores others. */
export const object =
  <T extends object>(shape: Shape<T>): Kind<T> =>
  (value, field) => {
    const given = entries(value, field);
    const read = Object.entries<Kind<unknown>>(shape).map(([name, accept]) => {
      const [found, another] = given.filter(([key]) => fold(key) === fold(name));
      if (another !== undefined) {
        throw new Unknown(`which of two fields ${name} counts`);
      }
      return [name, accept(found?.[1], name)];
    });
    return Object.fromEntries(read) as T;
  };

function entries(value: unknown, field: string): [string, unknown][] {
  return Object.entries(
    kind({}, (given): given is object => typeof given === 'object' && !Array.isArray(given))(value, field),
  );
}

// ſ and K are equal to s and k.
function fold(key: string): string {
  return key.toLowerCase().toUpperCase();
}
