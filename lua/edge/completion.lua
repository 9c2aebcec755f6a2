-- Completion: `luvisor completion SHELL`: what a shell has to know. All it does is to ask `luvisor complete`, which
-- knows the commands, their options and the units that run; see complete.lua.

local completion = {}

completion.shells = { "bash", "zsh", "fish" }

local texts = {}

-- Bash splits words at ":" and "=", too, which are parts of names and options here: what it takes for the current word
-- is what comes after the last of them.
texts.bash = [==[
# luvisor completion bash >/etc/bash_completion.d/luvisor
_luvisor() {
  local line=${COMP_LINE:0:COMP_POINT} IFS=$' \t\n' words word kept found
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=${words[${#words[@]}-1]}
  kept=${word%"${word##*[:=]}"}
  COMPREPLY=()
  while IFS= read -r found; do
    if [[ $found == @files ]]; then
      compopt -o default
      return
    fi
    found=${found%%$'\t'*}
    COMPREPLY+=("${found#"$kept"}")
  done < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null)
}
complete -F _luvisor luvisor
]==]

texts.zsh = [==[
#compdef luvisor
# luvisor completion zsh >"${fpath[1]}/_luvisor"
_luvisor() {
  local -a found values shown
  local line
  found=("${(@f)$($words[1] complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $found; do
    if [[ $line == @files ]]; then
      _files
      return
    fi
    values+=("${line%%$'\t'*}")
    shown+=("${line/$'\t'/  -- }")
  done
  (( $#values )) && compadd -l -d shown -a values
}
if [[ $funcstack[1] == _luvisor ]]; then _luvisor "$@"; else compdef _luvisor luvisor; fi
]==]

texts.fish = [==[
# luvisor completion fish >~/.config/fish/completions/luvisor.fish
function __luvisor_complete
  set -l words (commandline -opc)
  set -l found ($words[1] complete $words[2..-1] (commandline -ct) 2>/dev/null)
  if test "$found[1]" = @files
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $found
  end
end
complete -c luvisor -f -a '(__luvisor_complete)'
]==]

--- What a shell reads.
---@param shell string
---@return string|nil text
function completion.text(shell)
  return texts[shell]
end

return completion
