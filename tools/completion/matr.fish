# fish completion for matr(1). The answers are matr's own: `matr complete` has the tables that the commands parse their
# options with, and the names in the store.

function __matr_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for answer in (command $words[1] complete -- $words "$current" 2>/dev/null)
        switch $answer
            case :file
                __fish_complete_path $current
            case :directory
                __fish_complete_directories $current
            case :executable
                __fish_complete_command
            case ':command *'
                __fish_complete_subcommand --fcs-skip=(string replace ':command ' '' -- $answer)
            case '*'
                echo $answer
        end
    end
end

complete -c matr -f -a '(__matr_complete)'
