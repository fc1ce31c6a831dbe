// report.js - the page of `matr report`. Names come from ELF files: they are only ever put in text
// nodes and attributes, never parsed as HTML.
"use strict";
(function () {
	const data = JSON.parse(document.getElementById("data").textContent);
	const SHOWN = 14; // boxes on one side of the graph
	const LISTED = 200; // of those that bind, or are bound to
	const FIRST = 12; // of these, until all are asked for
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
	function curve(x1, y1, x2, y2, edge, down) {
		const x = (x1 + x2) / 2, y = (y1 + y2) / 2, width = edge[3] ? Math.min(1 + Math.log2(1 + edge[3]) / 2, 6) : 1;
		return element("path", {"class": edge[3] ? "edge" : "edge bare", "stroke-width": width,
			d: down ? `M${x1} ${y1} C${x1} ${y} ${x2} ${y} ${x2} ${y2}` : `M${x1} ${y1} C${x} ${y1} ${x} ${y2} ${x2} ${y2}`});
	}
	const count = (edge, x, y, anchor) => element("text", {"class": "count", x, y, "text-anchor": anchor}, edge[3] || "");
	const more = (n, x, y, anchor) => element("text", {"class": "count", x, y, "text-anchor": anchor || "middle"}, `and ${n} more, listed below`);

	// Wide: who binds on the left, what is bound to on the right.
	function across(svg, id, from, to, total) {
		const most = Math.min(Math.max(from.length, to.length), SHOWN), height = Math.max(most * 32 + 40, 110);
		const width = Math.min(230, total * 0.27), middle = Math.min(270, total * 0.29), left = (total - middle) / 2;
		const lines = [], boxes = [], counts = [];
		for (const [list, right] of [[from, false], [to, true]]) {
			const x = right ? total - width - 10 : 10, shown = list.slice(0, SHOWN);
			shown.forEach((edge, i) => {
				const y = (height - shown.length * 32) / 2 + i * 32 + 4;
				lines.push(right ? curve(left + middle, height / 2, x, y + 12, edge) : curve(x + width, y + 12, left, height / 2, edge));
				counts.push(count(edge, right ? x - 6 : x + width + 6, y + 9, right ? "end" : "start"));
				boxes.push(box(edge[right ? 1 : 0], x, y, width));
			});
			if (list.length > SHOWN)
				counts.push(more(list.length - SHOWN, x + width / 2, height - 6));
		}
		svg.append(...lines, ...counts, ...boxes, box(id, left, height / 2 - 12, middle, "focus"));
		return height;
	}
	// Narrow: who binds above, what is bound to below, two boxes beside each other.
	function below(svg, id, from, to, total) {
		const most = 8, gap = 54, width = (total - gap - 16) / 2, middle = Math.min(270, total - 40);
		const rows = (list) => Math.ceil(Math.min(list.length, most) / 2), lines = [], boxes = [], counts = [];
		const place = (list, end, top, y) => list.slice(0, most).forEach((edge, i) => {
			const left = i % 2 === 0, x = left ? 8 : total - 8 - width, at = top + Math.floor(i / 2) * 34;
			lines.push(curve(left ? x + width : x, at + 12, total / 2, y, edge, true));
			counts.push(count(edge, left ? x + width + 4 : x - 4, at + 10, left ? "start" : "end"));
			boxes.push(box(edge[end], x, at, width));
		});
		const above = from.length > most ? 22 : 0, y = 10 + rows(from) * 34 + above + 14, under = y + 24 + 30;
		place(from, 0, 10, y);
		place(to, 1, under, y + 24);
		if (above)
			counts.push(more(from.length - most, 10, y - 16, "start"));
		const height = under + rows(to) * 34 + (to.length > most ? 20 : 4);
		if (to.length > most)
			counts.push(more(to.length - most, 10, height - 8, "start"));
		svg.append(...lines, ...counts, ...boxes, box(id, (total - middle) / 2, y, middle, "focus"));
		return height;
	}
	const widthOf = (svg) => Math.max(Math.min(svg.clientWidth || 1140, 1140), 260);
	function draw(id) {
		const svg = byId("graph"), total = widthOf(svg);
		svg.replaceChildren();
		const height = (total < 680 ? below : across)(svg, id, incoming.get(id) || [], outgoing.get(id) || [], total);
		svg.setAttribute("viewBox", `0 0 ${total} ${height}`);
	}

	// ---- what is said of it ----

	function bindings(list, end) {
		if (!list || !list.length)
			return [element("p", {"class": "quiet"}, "nothing")];
		const made = list.slice(0, LISTED).map((edge) => {
			const left = edge[3] - edge[4].length;
			const what = edge[3] ? `${edge[3]} symbol${edge[3] === 1 ? "" : "s"}` : "needed, nothing is bound";
			const summary = element("summary", {}, link(edge[end]), " ", element("small", {}, what));
			const row = element("details", {}, summary);
			if (edge[3])
				row.append(element("p", {}, edge[4].join(", ") + (left > 0 ? ` and ${left} more` : "")));
			return row;
		});
		if (list.length > LISTED)
			made.push(element("p", {"class": "quiet"}, `and ${list.length - LISTED} more with fewer symbols`));
		made.slice(FIRST).forEach((row) => { row.hidden = true; });
		if (made.length > FIRST)
			made.push(element("button", {"class": "link more", type: "button", onclick: (event) => {
				made.forEach((row) => { row.hidden = false; });
				event.target.remove();
			}}, `show all ${list.length}`));
		return made;
	}
	let shownId = -1;
	function show(id) {
		const object = data.objects[id], programs = users.get(id) || [], most = 60;
		byId("focus").textContent = nameOf(id);
		byId("facts").textContent = object.p + (object.g ? `, of package ${object.g}` : "") +
			(object.u ? `, in ${object.u} program${object.u === 1 ? "" : "s"}` : "");
		shownId = id;
		byId("from-title").textContent = `What binds to it (${(incoming.get(id) || []).length})`;
		byId("to-title").textContent = `What it binds to (${(outgoing.get(id) || []).length})`;
		fill("from", ...bindings(incoming.get(id), 0));
		fill("to", ...bindings(outgoing.get(id), 1));
		byId("users-title").textContent = programs.length ? `Programs that load it (${programs.length})` : "";
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
	const when = (seconds) => seconds ? new Date(seconds * 1000).toLocaleString() : "";
	// Each epoch from its beginning to its end; as high as it has programs, declined ones in grey on top.
	function plot() {
		const list = data.epochs || [], svg = byId("plot"), now = Date.now() / 1000;
		if (!list.length)
			return;
		const last = (epoch, i) => epoch.ended || (list[i + 1] ? list[i + 1].begun : now);
		const begin = list[0].begun, end = Math.max(last(list[list.length - 1], list.length - 1), begin + 1);
		const most = Math.max(...list.map((epoch) => epoch.programs + epoch.declined), 1);
		const width = widthOf(svg), height = 150, left = 52, right = width - 14, base = height - 28, top = 16;
		const x = (time) => left + (right - left) * (time - begin) / (end - begin), tall = (n) => (base - top) * n / most;
		const label = (text, x, y, anchor) => element("text", {"class": "count", x, y, "text-anchor": anchor}, text);
		const marks = width > 600 ? 4 : 1, day = end - begin > 2 * 86400;
		const short = (time) => day ? new Date(time * 1000).toLocaleDateString() : new Date(time * 1000).toLocaleTimeString();
		svg.replaceChildren();
		svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
		svg.append(element("line", {x1: left, y1: top, x2: right, y2: top}), element("line", {x1: left, y1: base, x2: right, y2: base}),
			label(most, left - 6, top + 4, "end"), label(0, left - 6, base + 4, "end"));
		for (let i = 0; i <= marks; i++)
			svg.append(label(short(begin + (end - begin) * i / marks), left + (right - left) * i / marks, height - 8,
				i === 0 ? "start" : i === marks ? "end" : "middle"));
		list.forEach((epoch, i) => {
			const at = x(epoch.begun), wide = Math.max(x(last(epoch, i)) - at - 1, 2), high = tall(epoch.programs);
			const title = `epoch ${epoch.id}: ${epoch.programs} programs, ${epoch.declined} declined, begun ${when(epoch.begun)}` +
				`${epoch.ended ? ", ended " + when(epoch.ended) : ""}${epoch.cause ? ", " + epoch.cause : ""}`;
			svg.append(element("rect", {"class": epoch.id === data.epoch ? "now" : "", x: at, y: base - high, height: high, width: wide},
				element("title", {}, title)));
			if (epoch.declined)
				svg.append(element("rect", {"class": "declined", x: at, y: base - high - tall(epoch.declined), height: tall(epoch.declined),
					width: wide}, element("title", {}, title)));
			if (wide > 26 && high > 16)
				svg.append(element("text", {"class": "epoch", x: at + wide / 2, y: base - high / 2 + 4, "text-anchor": "middle"}, epoch.id));
		});
	}
	function epochs() {
		const list = data.epochs || [];
		byId("epochs-part").hidden = !list.length;
		table("epochs", ["epoch", "begun", "ended", "programs", "declined", "objects", "cause"], list.slice().reverse().map((epoch) =>
			[epoch.id, when(epoch.begun), when(epoch.ended), epoch.programs, epoch.declined, epoch.objects, epoch.cause].map(text)));
		plot();
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
	const redraw = () => { if (shownId >= 0) draw(shownId); plot(); };
	window.addEventListener("resize", redraw);
	window.matchMedia("print").addEventListener("change", redraw);
	restart();
	document.documentElement.dataset.ready = "1";
})();
