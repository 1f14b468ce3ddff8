/** Adds what this process prints to `output`, and returns the function that ends that. */
export function captureStdout(output: { text: string }): () => void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string | Uint8Array): boolean => {
    output.text += String(text);
    return true;
  };
  return () => {
    process.stdout.write = write;
  };
}
