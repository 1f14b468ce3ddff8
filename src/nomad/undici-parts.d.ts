// undici only has types for its index. undici.ts casts each part to its type.
declare module 'undici/lib/*' {
  const part: unknown;
  export default part;
}
