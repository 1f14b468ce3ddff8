/** A message that GitHub also shows outside the log. */
export interface Annotation {
  level: 'error' | 'warning' | 'notice';
  message: string;
  /** The file that it is about, and the line if there is one, as in "rules.yml:3". */
  place?: string;
}

const COMMAND = /^\s*::([a-z-]+)(?: ([^:]*))?::(.*)$/;
// The runner still accepts commands of this form, anywhere in a line.
const OLD_COMMAND = /##\[([a-z-]+)(?: ([^\]]*))?\](.*)$/;

/** A program's output as GitHub shows it: commands are executed, and secrets are masked after the program has masked them. */
export class LogView {
  readonly annotations: Annotation[] = [];
  readonly masks: string[] = [];
  readonly #lines: { text: string; collapsed: string | undefined }[] = [];
  readonly #showDebug: boolean;
  #isInGroup = false;

  constructor(output: string, showDebug: boolean) {
    this.#showDebug = showDebug;
    for (const line of output.replace(/\n$/, '').split('\n')) {
      this.#read(line);
    }
  }

  /** The log with its groups open. */
  get text(): string {
    return this.#lines.map(({ text }) => text).join('\n');
  }

  /** The log as GitHub first shows it, with its groups collapsed. */
  get collapsedText(): string {
    return this.#lines.flatMap(({ collapsed }) => collapsed ?? []).join('\n');
  }

  #read(line: string): void {
    const [, command, properties = '', data = ''] = COMMAND.exec(line) ?? OLD_COMMAND.exec(line) ?? [];
    const message = unescape(data);
    switch (command) {
      case 'add-mask':
        this.masks.push(...message.split(/\r?\n/).filter((part) => part !== ''));
        break;
      case 'error':
      case 'warning':
      case 'notice':
        this.annotations.push({ level: command, message: this.#mask(message), ...readPlace(properties) });
        this.#show(`${command.charAt(0).toUpperCase()}${command.slice(1)}: ${message}`);
        break;
      case 'debug':
        if (this.#showDebug) {
          this.#show(`##[debug]${message}`);
        }
        break;
      case 'group':
        this.#isInGroup = false;
        this.#show(`▾ ${message}`, `▸ ${message}`);
        this.#isInGroup = true;
        break;
      case 'endgroup':
        this.#isInGroup = false;
        break;
      default:
        this.#show(line);
    }
  }

  #show(text: string, collapsed = text): void {
    this.#lines.push({
      text: this.#mask(text),
      collapsed: this.#isInGroup ? undefined : this.#mask(collapsed),
    });
  }

  #mask(text: string): string {
    const longestFirst = [...this.masks].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
  }
}

function unescape(data: string): string {
  return data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}

function readPlace(properties: string): Pick<Annotation, 'place'> {
  const [, file, line] = /^file=([^,]+)(?:,line=(\d+))?/.exec(properties) ?? [];
  return file === undefined ? {} : { place: line === undefined ? file : `${file}:${line}` };
}
