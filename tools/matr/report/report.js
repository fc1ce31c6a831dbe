// report.js - the page of `matr report`. Names come from ELF files: they are only ever put in text
// nodes and attributes, never parsed as HTML.
"use strict";
(function () {
	const data = JSON.parse(document.getElementById("data").textContent);
	const SHOWN = 14; // boxes on one side of the graph
	const LISTED = 200; // of those that bind, or are bound to
	const byId = (id) => document.getElementById(id);
	const nameOf = (id) => data.objects[id].p.split("/").pop() || data.objects[id].p;

	// Edges by both of their ends: [from, to, needed, count, symbols].
	const outgoing = new Map(), incoming = new Map(), users = new Map(), symbols = new Map();
	const push = (map, key, value) => (map.get(key) || map.set(key, []).get(key)).push(value);
	for (const edge of data.edges) {
		push(outgoing, edge[0], edge);
		push(incoming, edge[1], edge);
		for (const symbol of edge[4])
			push(symbols, symbol, edge);
	}
	for (const [program, scope] of data.programs)
		for (const id of scope)
			push(users, id, program);
	const bySize = (a, b) => b[3] - a[3];
	outgoing.forEach((list) => list.sort(bySize));
	incoming.forEach((list) => list.sort(bySize));

	function element(tag, attributes, ...children) {
		const svg = ["svg", "g", "rect", "text", "path", "title", "line"].includes(tag);
		const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
		for (const [name, value] of Object.entries(attributes || {}))
			if (name.startsWith("on"))
				made.addEventListener(name.slice(2), value);
			else
				made.setAttribute(name, value);
		for (const child of children)
			made.append(child);
		return made;
	}
	const fill = (id, ...children) => byId(id).replaceChildren(...children);
	const link = (id) => element("button", {"class": "link", type: "button", title: data.objects[id].p, onclick: () => go(id)}, nameOf(id));

	// ---- the graph around one object ----

	function box(id, x, y, width, kind) {
		const name = nameOf(id), most = Math.floor(width / 7.4);
		const shown = name.length > most ? name.slice(0, most - 1) + "…" : name;
		const group = element("g", {"class": "node " + (kind || (data.objects[id].a ? "program" : "object")), tabindex: "0", role: "link",
			"aria-label": name, "data-id": id, onclick: () => go(id),
			onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); go(id, true); } }},
			element("title", {}, data.objects[id].p),
			element("rect", {x, y, width, height: 24}),
			element("text", {x: x + width / 2, y: y + 16, "text-anchor": "middle"}, shown));
		return group;
	}
	function line(x1, y1, x2, y2, edge, atEnd) {
		const middle = (x1 + x2) / 2, width = edge[3] ? Math.min(1 + Math.log2(1 + edge[3]) / 2, 6) : 1;
		const path = element("path", {"class": edge[3] ? "edge" : "edge bare", "stroke-width": width,
			d: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`});
		const label = element("text", {"class": "count", x: atEnd ? x2 - 6 : x1 + 6, y: (atEnd ? y2 : y1) - 3,
			"text-anchor": atEnd ? "end" : "start"}, edge[3] || "");
		return [path, label];
	}
	function side(svg, list, right, height, focusX, focusWidth) {
		const shown = list.slice(0, SHOWN), width = 230, x = right ? 1140 - width - 10 : 10;
		shown.forEach((edge, i) => {
			const y = (height - shown.length * 32) / 2 + i * 32 + 4;
			const ends = right ? [focusX + focusWidth, height / 2, x, y + 12] : [x + width, y + 12, focusX, height / 2];
			svg.prepend(...line(...ends, edge, right));
			svg.append(box(edge[right ? 1 : 0], x, y, width));
		});
		if (list.length > SHOWN)
			svg.append(element("text", {"class": "count", x: x + width / 2, y: height - 6, "text-anchor": "middle"},
				`and ${list.length - SHOWN} more, listed below`));
	}
	function draw(id) {
		const to = outgoing.get(id) || [], from = incoming.get(id) || [], svg = byId("graph");
		const height = Math.max(Math.min(Math.max(to.length, from.length), SHOWN) * 32 + 40, 110), width = 270, x = (1140 - width) / 2;
		svg.replaceChildren();
		svg.setAttribute("viewBox", `0 0 1140 ${height}`);
		side(svg, from, false, height, x, width);
		side(svg, to, true, height, x, width);
		svg.append(box(id, x, height / 2 - 12, width, "focus"));
	}

	// ---- what is said of it ----

	function bindings(list, end) {
		if (!list || !list.length)
			return [element("p", {"class": "quiet"}, "nothing")];
		const made = list.slice(0, LISTED).map((edge) => {
			const more = edge[3] - edge[4].length;
			const what = edge[3] ? `${edge[3]} symbol${edge[3] === 1 ? "" : "s"}` : "needed, nothing is bound";
			const summary = element("summary", {}, link(edge[end]), " ", element("small", {}, what));
			if (!edge[3])
				return element("details", {}, summary);
			return element("details", {}, summary, element("p", {}, edge[4].join(", ") + (more > 0 ? ` and ${more} more` : "")));
		});
		if (list.length > LISTED)
			made.push(element("p", {"class": "quiet"}, `and ${list.length - LISTED} more with fewer symbols`));
		return made;
	}
	function show(id) {
		const object = data.objects[id], programs = users.get(id) || [], most = 60;
		byId("focus").textContent = nameOf(id);
		byId("facts").textContent = object.p + (object.g ? `, of package ${object.g}` : "") +
			(object.u ? `, in ${object.u} program${object.u === 1 ? "" : "s"}` : "");
		fill("from", ...bindings(incoming.get(id), 0));
		fill("to", ...bindings(outgoing.get(id), 1));
		byId("users-title").textContent = programs.length ? "Programs that have it" : "";
		const shown = [];
		for (const program of programs.slice(0, most))
			shown.push(link(program), "  ");
		if (programs.length > most)
			shown.push(`and ${programs.length - most} more`);
		fill("users", ...shown);
		draw(id);
	}
	function go(id, keepFocus) {
		if (location.hash !== "#" + id)
			history.pushState(null, "", "#" + id);
		show(id);
		if (keepFocus)
			document.querySelector("#graph .focus").focus();
	}

	// ---- search ----

	function find(wanted) {
		const found = [], lower = wanted.toLowerCase();
		data.objects.forEach((object, id) => {
			const at = nameOf(id).toLowerCase().indexOf(lower);
			if (at >= 0 || object.p.toLowerCase().includes(lower))
				found.push({order: (at === 0 ? 0 : at > 0 ? 1 : 2), id, name: nameOf(id), about: object.p});
		});
		found.sort((a, b) => a.order - b.order || data.objects[b.id].a - data.objects[a.id].a || a.name.length - b.name.length);
		found.splice(25);
		for (const [symbol, edges] of symbols) {
			if (found.length >= 40)
				break;
			if (symbol.toLowerCase().includes(lower))
				found.push({id: edges[0][1], name: symbol, about: `symbol of ${nameOf(edges[0][1])}, bound by ${nameOf(edges[0][0])}` +
					(edges.length > 1 ? ` and ${edges.length - 1} more` : "")});
		}
		return found;
	}
	function search() {
		const wanted = byId("search").value.trim(), results = byId("results");
		const found = wanted ? find(wanted) : [];
		results.hidden = !wanted;
		results.replaceChildren(...(found.length ? found.map((one) => element("li", {}, element("button", {type: "button",
			onclick: () => { results.hidden = true; byId("search").value = ""; go(one.id); }}, one.name + " ", element("small", {}, one.about))))
			: [element("li", {"class": "quiet"}, "nothing of that name")]));
	}
	byId("search").addEventListener("input", search);
	document.addEventListener("keydown", (event) => {
		const buttons = [...document.querySelectorAll("#results button")], at = buttons.indexOf(document.activeElement);
		const searching = document.activeElement === byId("search");
		if (event.key === "/" && !searching) {
			event.preventDefault();
			byId("search").focus();
		} else if (event.key === "Escape") {
			byId("results").hidden = true;
		} else if (event.key === "Enter" && searching && buttons.length) {
			buttons[0].click();
		} else if (!byId("results").hidden && (searching || at >= 0) && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
			event.preventDefault();
			const next = at + (event.key === "ArrowDown" ? 1 : -1);
			(next < 0 ? byId("search") : buttons[Math.min(next, buttons.length - 1)]).focus();
		}
	});

	// ---- tables and plots ----

	function table(id, columns, rows) {
		fill(id, element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", {scope: "col"}, name.replace(/_/g, " "))))),
			element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))))));
	}
	const text = (value) => value === null || value === undefined ? "" : String(value);
	function changes() {
		const most = 1000, rows = data.changes;
		if (!rows)
			return;
		byId("changes-part").hidden = false;
		const columns = rows.length ? Object.keys(rows[0]).filter((name) => rows.some((row) => row[name] !== null)) : [];
		byId("changes-count").textContent = !rows.length ? "Nothing changes." :
			data.changes_all > Math.min(rows.length, most) ? `${data.changes_all} changes; the first ${Math.min(rows.length, most)} are listed.` : `${rows.length} changes.`;
		table("changes", columns, rows.slice(0, most).map((row) => columns.map((name) => text(row[name]))));
	}
	function bench() {
		if (!data.bench || !data.bench.length)
			return;
		byId("bench-part").hidden = false;
		const most = Math.max(...data.bench.map((one) => Math.max(one.loader.ld_so, one.loader.matr)));
		const bar = (seconds, kind) => element("div", {"class": "row"}, element("div", {"class": "bar " + kind, style: `width: ${70 * seconds / most}%`}),
			element("span", {"class": "value"}, `${(seconds * 1e3).toFixed(2)} ms`));
		for (const one of data.bench) {
			const loader = one.loader;
			byId("bench").append(element("h3", {}, `${one.program}: ${loader.ratio.toFixed(1)} times less` +
				(loader.low ? ` (between ${loader.low.toFixed(1)} and ${loader.high.toFixed(1)}, ${one.rounds} rounds)` : "")),
				element("div", {"class": "bars"}, element("span", {}, "ld.so"), bar(loader.ld_so, "old"), element("span", {}, "MatR"), bar(loader.matr, "")));
		}
	}
	function epochs() {
		const list = data.epochs || [];
		if (!list.length)
			return;
		byId("epochs-part").hidden = false;
		const when = (seconds) => seconds ? new Date(seconds * 1000).toLocaleString() : "", now = Date.now() / 1000;
		const last = (epoch, i) => epoch.ended || (list[i + 1] ? list[i + 1].begun : now);
		const begin = list[0].begun, end = Math.max(now, begin + 1), most = Math.max(...list.map((epoch) => epoch.programs), 1);
		const width = 1140, height = 170, plot = byId("plot"), x = (time) => 40 + (width - 60) * (time - begin) / (end - begin);
		plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
		plot.append(element("line", {x1: 40, y1: height - 26, x2: width - 20, y2: height - 26}),
			element("text", {"class": "count", x: 34, y: 22, "text-anchor": "end"}, most), element("text", {"class": "count", x: 40, y: height - 8}, when(begin)),
			element("text", {"class": "count", x: width - 20, y: height - 8, "text-anchor": "end"}, when(end)));
		list.forEach((epoch, i) => {
			const tall = (height - 44) * epoch.programs / most, left = x(epoch.begun);
			plot.append(element("rect", {"class": epoch.id === data.epoch ? "now" : "", x: left, y: height - 26 - tall, height: tall,
				width: Math.max(x(last(epoch, i)) - left - 1, 2)},
				element("title", {}, `epoch ${epoch.id}: ${epoch.programs} programs, begun ${when(epoch.begun)}${epoch.cause ? ", " + epoch.cause : ""}`)));
		});
		table("epochs", ["epoch", "begun", "ended", "programs", "declined", "objects", "cause"], list.slice().reverse().map((epoch) =>
			[epoch.id, when(epoch.begun), when(epoch.ended), epoch.programs, epoch.declined, epoch.objects, epoch.cause].map(text)));
	}

	// ---- the beginning ----

	const first = () => {
		const wanted = Number.parseInt(location.hash.slice(1), 10);
		if (data.objects[wanted])
			return wanted;
		// One program: that. Else what most of them have and something is bound to.
		if (data.programs.length === 1 || !data.objects.length)
			return data.programs.length ? data.programs[0][0] : -1;
		return data.objects.reduce((best, object, id) => object.u > data.objects[best].u ? id : best, 0);
	};
	byId("app").hidden = false;
	changes();
	bench();
	epochs();
	const restart = () => { const id = first(); if (id >= 0) show(id); };
	window.addEventListener("popstate", restart);
	restart();
	document.documentElement.dataset.ready = "1";
})();
