#!/usr/bin/env bash
# report.sh - matr report: the page is one file with the right data, whatever names there are. tests/browser/report opens it.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2317 # cases are called by name
. "$(dirname "$0")/../../lib/matr.sh"
HOSTILE='<script>alert("1")<!--&.so'

# A library of that name with a symbol that would end the script element, and a program that is declined.
mkdir "$T/lib"
$CC -c -fPIC -o "$T/hostile.o" -xc - <<<'int placeholder(void) { return 0; }'
objcopy --redefine-sym 'placeholder=</script><b>' "$T/hostile.o"
$CC -shared -o "$T/lib/$HOSTILE" -Wl,-soname,"$HOSTILE" "$T/hostile.o"
$CC -c -o "$T/program.o" -xc - <<<'int placeholder(void); int main(void) { return placeholder(); }'
objcopy --redefine-sym 'placeholder=</script><b>' "$T/program.o"
$CC -o "$T/program" "$T/program.o" "$T/lib/$HOSTILE" -Wl,-rpath,"$T/lib"

# page FILE EXPRESSION: of its data (d) and HTML (h).
page()
{
	/usr/bin/python3 - "$@" <<-'END'
		import html.parser, json, re, sys
		h = open(sys.argv[1], encoding="utf-8").read()
		class Page(html.parser.HTMLParser):
		    tags, inside, text = [], None, ""
		    def handle_starttag(self, tag, attributes):
		        self.tags.append((tag, dict(attributes)))
		        self.inside = dict(attributes).get("id") if tag == "script" else None
		    def handle_endtag(self, tag):
		        self.inside = None
		    def handle_data(self, data):
		        if self.inside == "data":
		            self.text += data
		p = Page()
		p.feed(h)
		d = json.loads(p.text)
		name = lambda i: d["objects"][i]["p"].split("/")[-1]
		assert eval(sys.argv[2]), (sys.argv[2], str(d)[:600])
	END
}

case_page()
{
	check "epoch begin" begin "$T/program" git
	check "report" "$MATR" report -o "$T/page.html"
	check "nothing is fetched" page "$T/page.html" 'not re.search(r"""(?:src|href)=|url\(|@import""", h) and "default-src '"'none'"'" in h'
	check "two scripts, whatever names there are" page "$T/page.html" '[t for t, a in p.tags].count("script") == 2 and not [t for t, a in p.tags if t == "b"]'
	check "programs and their scopes" page "$T/page.html" 'sorted(name(i) for i, _ in d["programs"]) == ["git", "program"] and all("libc.so.6" in map(name, scope) for _, scope in d["programs"])'
	check "who binds to what" page "$T/page.html" '[e[3:] for e in d["edges"] if name(e[0]) == "program" and name(e[1]).startswith("<")] == [[1, ["</script><b>"]]]'
	check "the very name" page "$T/page.html" 'any("</script><b>" in e[4] for e in d["edges"])'
	check "without scripts" page "$T/page.html" '"<noscript>" in h and "git (" in h.split("<noscript>")[1].split("</noscript>")[0]'
	check "the epoch" page "$T/page.html" 'd["epoch"] == 1 and [e["programs"] for e in d["epochs"]] == [2]'
	"$MATR" report -o - git >"$T/git.html"
	check "of one program" page "$T/git.html" '[name(i) for i, _ in d["programs"]] == ["git"] and "git, epoch 1" in h'
	check "no more than asked for" page "$T/git.html" '"changes" not in d and not d["bench"] and "program" not in map(name, range(len(d["objects"])))'
}

case_changes()
{
	local library
	check "epoch begin" begin "$T/program" git
	library=$(ldd "$(command -v git)" | awk '/libz.so/ { print $3 }')
	check "epoch begin: another" begin git
	check "since an epoch" "$MATR" report --from previous -o "$T/since.html"
	check "a program is gone" page "$T/since.html" 'len(d["changes"]) == d["changes_all"] >= 1 and "program" in str(d["changes"])'
	cp "$library" "$T/libz.so.1"
	check "an upgrade" "$MATR" report --upgrade "$library=$T/libz.so.1" -o "$T/upgrade.html" git
	check "that changes nothing" page "$T/upgrade.html" 'd["changes"] == [] and "Nothing changes." in h'
	check "start-up times" "$MATR" report --bench -o "$T/bench.html" git
	check "with figures" page "$T/bench.html" '[b["program"].split("/")[-1] for b in d["bench"]] == ["git"] and d["bench"][0]["loader"]["ratio"] > 0'
}

case_refused()
{
	check "epoch begin" begin git
	one_line "no such program" 1 "$MATR" report -o "$T/none.html" no-such-program
	check "and no file" test ! -e "$T/none.html"
	one_line "no such directory" 1 "$MATR" report -o "$T/none/none.html"
	one_line "a full disk" 1 "$MATR" report -o /dev/full
	for arguments in '' '--bench -o x.html'; do
		# shellcheck disable=SC2086 # words
		capture line "$MATR" report $arguments
		equal "usage: report $arguments" 2 "$(cat "$T/line.status")"
	done
}

run_cases "$@"
