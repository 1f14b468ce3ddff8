/** A message that GitHub shows beside the log, too. */
export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  message: string;
}

const COMMAND = /^\s*::([a-z-]+)(?: [^:]*)?::(.*)$/;
// The runner still takes commands of this form, and wherever they stand in a line.
const OLD_COMMAND = /##\[([a-z-]+)(?: [^\]]*)?\](.*)$/;

/** What a user sees of a program's output: commands carried out, secrets masked from where the program masks them. */
export class LogView {
  readonly annotations: Annotation[] = [];
  readonly masks: string[] = [];
  readonly #lines: string[] = [];
  readonly #showDebug: boolean;

  constructor(output: string, showDebug: boolean) {
    this.#showDebug = showDebug;
    for (const line of output.replace(/\r?\n$/, '').split(/\r?\n/)) {
      this.#read(line);
    }
  }

  get text(): string {
    return this.#lines.join('\n');
  }

  #read(line: string): void {
    const [, command, data = ''] = COMMAND.exec(line) ?? OLD_COMMAND.exec(line) ?? [];
    const message = unescape(data);
    switch (command) {
      case 'add-mask':
        this.masks.push(...message.split(/\r?\n/).filter((part) => part !== ''));
        break;
      case 'error':
      case 'warning':
      case 'notice':
        this.annotations.push({ level: command, message: this.#mask(message) });
        this.#show(`${command.charAt(0).toUpperCase()}${command.slice(1)}: ${message}`);
        break;
      case 'debug':
        if (this.#showDebug) {
          this.#show(`##[debug]${message}`);
        }
        break;
      case 'group':
        this.#show(`▾ ${message}`);
        break;
      case 'endgroup':
        break;
      default:
        this.#show(line);
    }
  }

  #show(text: string): void {
    this.#lines.push(this.#mask(text));
  }

  #mask(text: string): string {
    const longestFirst = [...this.masks].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
  }
}

function unescape(data: string): string {
  return data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}
