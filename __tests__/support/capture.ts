/** Captures the output of this process until it is restored. */
export function captureStdout(): { text: string; restore: () => void } {
  const write = process.stdout.write.bind(process.stdout);
  const capture = {
    text: '',
    restore: (): void => {
      process.stdout.write = write;
    },
  };
  process.stdout.write = (text: string | Uint8Array): boolean => {
    capture.text += String(text);
    return true;
  };
  return capture;
}
