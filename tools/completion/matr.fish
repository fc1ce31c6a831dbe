# fish completion for matr(1)

function __matr_command --description 'Is the command, and after epoch the subcommand, this one?'
    set -l words (commandline -opc)
    set -e words[1]
    set -l found
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case --prefix --format --symbol --requester --provider --ld-stable --config --by --root --loader --to --reason --output --sort
                set skip 1
            case '-*'
            case '*'
                set -a found $word
        end
    end
    switch "$argv[1]"
        case none
            test (count $found) -eq 0
        case '*-none'
            test (count $found) -eq 1; and test "$found[1]-none" = "$argv[1]"
        case '*-*'
            test (count $found) -ge 2; and test "$found[1]-$found[2]" = "$argv[1]"
        case '*'
            test (count $found) -ge 1; and test "$found[1]" = "$argv[1]"
    end
end

complete -c matr -f
complete -c matr -n '__matr_command none' -a epoch -d 'Begin and end epochs'
complete -c matr -n '__matr_command none' -a inspect -d 'Show a relocation mapping'
complete -c matr -n '__matr_command none' -a rebind -d 'Bind a symbol to another library'
complete -c matr -n '__matr_command none' -a trace -d 'Count and time calls'
complete -c matr -n '__matr_command none' -a run -d 'Run a program with its mapping'
complete -c matr -n '__matr_command none' -a sql -d 'Ask with SQL'
complete -c matr -n '__matr_command none' -a verify -d 'Compare the mapping with ld.so'
complete -c matr -n '__matr_command none' -l version -d 'Print the version'
complete -c matr -l prefix -r -a '(__fish_complete_directories)' -d 'Where store and image are'
complete -c matr -l help -d 'Help with examples'
complete -c matr -n '__matr_command epoch-none' -a apply -d 'Apply the edits of mappings'
complete -c matr -n '__matr_command epoch-none' -a begin -d 'Compute mappings, put them in force'
complete -c matr -n '__matr_command epoch-none' -a end -d 'Back to ordinary linking'
complete -c matr -n '__matr_command epoch-none' -a status -d 'What is in force'
complete -c matr -n '__matr_command epoch-begin' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command epoch-begin' -l config -rF -d 'Configuration file'
complete -c matr -n '__matr_command epoch-begin' -s j -l jobs -x -d 'Threads'
complete -c matr -n '__matr_command epoch-begin' -l ld-stable -rF -d 'Loader to install'
complete -c matr -n '__matr_command epoch-begin' -l wait -d 'Wait for another begin or end'
complete -c matr -n '__matr_command epoch-begin' -l root -xa '(__fish_complete_directories)' -d 'For the system in a directory'
complete -c matr -n '__matr_command epoch-begin' -l portable -d 'Good for copies of the system'
complete -c matr -n '__matr_command epoch-begin' -l no-daemon -d 'Do it here, not in matrd'
complete -c matr -n '__matr_command epoch-end' -l no-daemon -d 'Do it here, not in matrd'
complete -c matr -n '__matr_command epoch-begin' -l rebuild-store -d 'Begin with a new store'
complete -c matr -n '__matr_command epoch-begin' -s q -l quiet -d 'Print no table'
complete -c matr -n '__matr_command epoch-begin' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command epoch-status' -l format -x -a 'table json'
complete -c matr -n '__matr_command inspect' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command inspect' -l all -d 'Every relocation'
complete -c matr -n '__matr_command inspect' -l bindings -d 'Every binding once'
complete -c matr -n '__matr_command inspect' -l symbol -x -d 'Only these symbols'
complete -c matr -n '__matr_command inspect' -l requester -x -d 'Only references from these objects'
complete -c matr -n '__matr_command inspect' -l provider -x -d 'Only references bound to these objects'
complete -c matr -n '__matr_command inspect' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command rebind' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command rebind' -l all-programs -d 'Every program that binds it'
complete -c matr -n '__matr_command rebind' -l symbol -x -d 'What is bound'
complete -c matr -n '__matr_command rebind' -l requester -x -d 'Only the references of this object'
complete -c matr -n '__matr_command rebind' -l to -rF -d 'Library, and the symbol in it'
complete -c matr -n '__matr_command rebind' -l reason -x -d 'Why'
complete -c matr -n '__matr_command rebind' -s n -l dry-run -d 'Change nothing'
complete -c matr -n '__matr_command rebind' -l list -d 'All edits'
complete -c matr -n '__matr_command rebind' -l undo -d 'Take edits back'
complete -c matr -n '__matr_command rebind' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command trace' -F -a '(__fish_complete_subcommand)'
complete -c matr -n '__matr_command trace' -l symbol -x -d 'Which functions'
complete -c matr -n '__matr_command trace' -l requester -x -d 'Only calls from these objects'
complete -c matr -n '__matr_command trace' -l provider -x -d 'Only calls to these objects'
complete -c matr -n '__matr_command trace' -l count -d 'Count only'
complete -c matr -n '__matr_command trace' -l sort -x -a 'calls total self'
complete -c matr -n '__matr_command trace' -s o -l output -rF -d 'Where the table goes'
complete -c matr -n '__matr_command trace' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command run' -F -a '(__fish_complete_subcommand)'
complete -c matr -n '__matr_command run' -s v -l verbose -d 'Say why, if not with its mapping'
complete -c matr -n '__matr_command sql' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command sql' -s s -l sql -x -d 'A query'
complete -c matr -n '__matr_command sql' -l recursive -d 'The libraries of the files too'
complete -c matr -n '__matr_command sql' -l epoch -x -a 'current all' -d 'Which epoch'
complete -c matr -n '__matr_command sql' -l all-epochs -d 'All epochs'
complete -c matr -n '__matr_command sql' -l format -x -a 'table list csv json markdown line'
complete -c matr -n '__matr_command sql' -l headers -x -a 'on off' -d 'Names of columns'
complete -c matr -n '__matr_command sql' -l cache -rF -d 'Keep what is read from ELF files'
complete -c matr -n '__matr_command sql' -l write -d 'Allow changes'
complete -c matr -n '__matr_command verify' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command verify' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command none' -a disable -d 'Put originals of enabled programs back'
complete -c matr -n '__matr_command none' -a doctor -d 'What is wrong, and what to do'
complete -c matr -n '__matr_command none' -a enable -d 'Single programs by ld-stable'
complete -c matr -n '__matr_command none' -a hooks -d 'Have package managers end and begin epochs'
complete -c matr -n '__matr_command none' -a loader -d 'Make ld-stable the dynamic linker'
complete -c matr -n '__matr_command epoch-none' -a wrap -d 'End it, run a command, begin it again'
complete -c matr -n '__matr_command epoch-none' -a suspend -d 'End it for a while'
complete -c matr -n '__matr_command epoch-none' -a resume -d 'Begin a suspended epoch'
complete -c matr -n '__matr_command epoch-wrap' -F -a '(__fish_complete_subcommand)'
complete -c matr -n '__matr_command epoch-suspend' -l by -x -d 'Who does it'
complete -c matr -n '__matr_command loader-none' -a 'install uninstall refresh status'
complete -c matr -n '__matr_command loader' -l ld-stable -rF -d 'Loader to install'
complete -c matr -n '__matr_command loader' -l loader -rF -d 'Loader path'
complete -c matr -n '__matr_command loader' -s q -l quiet -d 'Say nothing'
complete -c matr -n '__matr_command loader-status' -l format -x -a 'table json'
complete -c matr -n '__matr_command hooks-none' -a 'install uninstall status'
complete -c matr -n '__matr_command hooks-install' -a 'apt dpkg dnf dnf5 pacman'
complete -c matr -n '__matr_command hooks-uninstall' -a 'apt dpkg dnf dnf5 pacman'
complete -c matr -n '__matr_command hooks' -l root -x -a '(__fish_complete_directories)'
complete -c matr -n '__matr_command hooks-status' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command doctor' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command doctor' -s v -l verbose -d 'Also what is ok'
complete -c matr -n '__matr_command enable' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command enable' -l list -d 'The enabled programs'
complete -c matr -n '__matr_command enable' -l refresh -d 'Enable replaced ones again'
complete -c matr -n '__matr_command enable' -l ld-stable -rF -d 'Loader to install'
complete -c matr -n '__matr_command enable' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command enable' -s q -l quiet -d 'Say nothing'
complete -c matr -n '__matr_command disable' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command disable' -l all -d 'All enabled programs'
complete -c matr -n '__matr_command disable' -s q -l quiet -d 'Say nothing'
complete -c matr -n '__matr_command none' -a shadowed -d 'Symbols with more than one provider'
complete -c matr -n '__matr_command none' -a why -d 'Why a symbol or library is there'
complete -c matr -n '__matr_command shadowed' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command shadowed' -l format -x -a 'table json csv'
complete -c matr -n '__matr_command why' -F -a '(__fish_complete_command)'
complete -c matr -n '__matr_command why' -l library -d 'Explain a library'
complete -c matr -n '__matr_command why' -l format -x -a 'table json csv'
