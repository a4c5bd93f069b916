// Shell completion. The scripts ask `berth __complete WORD...` (the last word being the one that is typed),
// which answers from the table; names that only the api knows are looked up by the caller.
import { commands, findCommand, sections } from './commands.mjs';

/**
 * What may stand in place of the last word.
 * @param {readonly string[]} words after `berth`
 * @returns `words` to offer, and `kind` when names of that kind belong to them too ('file': the shell's own)
 */
export function complete(words) {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (before.includes('--')) return { words: [] };
  const [first = ''] = before;
  if (before.length === 0) return { words: sections.flatMap(({ names }) => names) };
  if (first === 'help') {
    return { words: [...sections.flatMap(({ names }) => names), 'exit-codes', 'environment'] };
  }
  const command = findCommand(before);
  if (!command) {
    return before.length === 1
      ? {
          words: commands
            .filter(({ path }) => path[0] === first)
            .flatMap(({ path }) => path.slice(1)),
        }
      : { words: [] };
  }
  const { positionals, open } = place(command, before.slice(command.path.length));
  if (open) return offer(open.complete);
  if (typed.startsWith('-')) return { words: command.flags.map(({ name }) => `--${name}`) };
  const argument =
    command.arguments[positionals] ??
    (command.arguments.at(-1)?.repeated ? command.arguments.at(-1) : undefined);
  return offer(argument?.complete);
}

/** How many arguments are given, and the flag whose value is typed now. */
function place(command, words) {
  let positionals = 0;
  let open;
  for (const word of words) {
    if (open) open = undefined;
    else if (word.startsWith('-')) {
      const spec = command.flags.find(
        ({ name, short }) =>
          word === `--${name}` || (short && /^-[a-z]+$/i.test(word) && word.endsWith(short)),
      );
      open = spec?.value ? spec : undefined;
    } else positionals += 1;
  }
  return { positionals, open };
}

function offer(completer) {
  if (Array.isArray(completer)) return { words: completer };
  return completer ? { words: [], kind: completer } : { words: [] };
}

const scripts = {
  bash: `# berth completion for bash: source <(berth completion bash)
_berth() {
  local IFS=$'\\n'
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  local answer
  answer=$(berth __complete "\${words[@]}" 2>/dev/null)
  if [[ $answer == :file ]]; then
    COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
  else
    COMPREPLY=($(compgen -W "$answer" -- "\${COMP_WORDS[COMP_CWORD]}"))
  fi
}
complete -F _berth berth
`,
  zsh: `#compdef berth
# berth completion for zsh: source <(berth completion zsh)
_berth() {
  local -a answer
  answer=(\${(f)"$(berth __complete "\${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)"})
  if [[ \${answer[1]} == :file ]]; then
    _files
  else
    compadd -- $answer
  fi
}
compdef _berth berth
`,
  fish: `# berth completion for fish: berth completion fish | source
function __berth_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer (berth __complete $words[2..-1] 2>/dev/null)
  if test "$answer[1]" = :file
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c berth -f -a '(__berth_complete)'
`,
};

/** @returns the script, or undefined for a shell that we have none for */
export function completionScript(shell) {
  return Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
}
