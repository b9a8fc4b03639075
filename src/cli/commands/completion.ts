// SPDX-License-Identifier: Apache-2.0
/**
 * Completion. The shells' scripts only ask `transit __complete -- WORDS…`, so that they never
 * know less than the program.
 */
import { Argument, type Command } from 'commander';
import { KIND_TABLE, fieldAt, kindByWord, kindInfo } from '../../api/index.js';
import type { Session } from '../session.js';
import { OBSERVED } from './observed.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** A shell that waits is worse than one that offers nothing. */
const ASK_DAEMON_MS = 1000;

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = {
  bash: `# transit completion for bash: source <(transit completion bash)
_transit() {
  local IFS=$'\\n'
  COMPREPLY=($(transit __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _transit transit
`,
  zsh: `#compdef transit
# transit completion for zsh: source <(transit completion zsh)
_transit() {
  local -a candidates
  candidates=(\${(f)"$(transit __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a candidates || _files
}
compdef _transit transit
`,
  fish: `# transit completion for fish: transit completion fish | source
complete -c transit -f -a '(transit __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
complete -c transit -s f -l filename -r -F
`,
};

const KIND_COMMANDS = new Set(['get', 'describe', 'delete', 'watch', 'explain']);
const NAME_COMMANDS = new Set(['get', 'describe', 'delete']);

async function objectNames(session: Session, word: string): Promise<string[]> {
  const kind = kindByWord(word);
  if (kind === undefined) return [];
  try {
    const signal = AbortSignal.timeout(ASK_DAEMON_MS);
    const { items } = await session.client().call('list', { params: { kind }, signal });
    return items.map((item) => item.metadata.name);
  } catch {
    // No daemon, nothing to offer: a completion has nobody to tell.
    return [];
  }
}

function explainPaths(word: string): string[] {
  const path = word.split('.');
  const kind = kindByWord(path[0] ?? '');
  if (kind === undefined || path.length < 2) return KIND_TABLE.map((entry) => entry.singular);
  const parents = path.slice(0, -1);
  const fields = fieldAt(kindInfo(kind), parents.slice(1))?.fields ?? [];
  return fields.map((field) => [...parents, field.name].join('.'));
}

/** Candidates for the last of the words. */
async function candidates(
  program: Command,
  session: Session,
  words: readonly string[],
): Promise<string[]> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const commands = program.commands.filter((command) => !command.name().startsWith('_'));
  const command = commands.find((candidate) => before.includes(candidate.name()));
  const options = [...program.options, ...(command?.options ?? [])];
  const previous = before.at(-1) ?? '';
  const wanted = options.find((o) => [o.long, o.short].includes(previous));
  if (wanted !== undefined && (wanted.required || wanted.optional)) return wanted.argChoices ?? [];
  if (last.startsWith('-')) return options.flatMap((option) => option.long ?? []);
  if (command === undefined) return commands.map((candidate) => candidate.name());
  const name = command.name();
  if (name === 'completion') return [...SHELLS];
  if (name === 'explain') return explainPaths(last);
  const args = before.slice(before.indexOf(name) + 1).filter((word) => !word.startsWith('-'));
  const kindWord = args.find((word) => kindByWord(word) !== undefined);
  if (kindWord !== undefined) return NAME_COMMANDS.has(name) ? objectNames(session, kindWord) : [];
  if (!KIND_COMMANDS.has(name)) return [];
  const kinds = KIND_TABLE.map((entry) => entry.plural);
  return name === 'get' ? [...kinds, 'all', ...Object.keys(OBSERVED)] : kinds;
}

/** `transit completion bash|zsh|fish`, and the hidden command the scripts call. */
export function registerCompletion(program: Command, session: Session): void {
  program
    .command('completion')
    .description("print a shell's completion script")
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: (typeof SHELLS)[number]) => {
      session.print(SCRIPTS[shell]);
    });
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const last = words.at(-1) ?? '';
      const found = await candidates(program, session, words);
      const matching = found.filter((candidate) => candidate.startsWith(last));
      if (matching.length > 0) session.print(matching.join('\n'));
    });
}
