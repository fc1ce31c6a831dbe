#!/usr/bin/env python3
"""Check the VEX documents on standard input: openvex or cyclonedx. Prints "STATUS NAME" of each program, sorted.

The rules are those of the OpenVEX 0.2.0 JSON schema (openvex/spec, openvex_json_schema.json) and of bom-1.5.schema.json of
CycloneDX (CycloneDX/specification), for the parts that these documents have: which keys there are, which are required,
enumerations, formats, what has to be different. Where python3-jsonschema and a schema are at hand, MATR_VEX_SCHEMA=FILE
checks against that too.

usage: vex.py openvex|cyclonedx
"""
import json, os, re, sys

problems = []


def check(what, good):
    if not good:
        problems.append(what)


def keys(what, thing, required, allowed):
    check(f"{what}: lacks {set(required) - set(thing)}", set(required) <= set(thing))
    check(f"{what}: has {set(thing) - set(allowed)}", set(thing) <= set(allowed))
    check(f"{what}: null", None not in thing.values())


def different(what, things):
    shown = [json.dumps(thing, sort_keys=True) for thing in things]
    check(f"{what}: twice the same", len(shown) == len(set(shown)))


def is_uri(text):
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", text) is not None


def is_time(text):
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text) is not None


def is_purl(text):
    return re.fullmatch(r"pkg:[a-z]+/[a-z0-9.-]+/[A-Za-z0-9.+~%_-]+@[A-Za-z0-9.~%:_-]+\?arch=[a-z0-9]+(&distro=[a-z0-9.-]+)?(#[^?]+)?", text) is not None


def openvex(document):
    keys("document", document, ["@context", "@id", "author", "timestamp", "version", "statements"],
         ["@context", "@id", "author", "role", "timestamp", "last_updated", "version", "tooling", "statements"])
    check("@context", document["@context"] == "https://openvex.dev/ns/v0.2.0")
    check("@id", is_uri(document["@id"]))
    check("timestamp", is_time(document["timestamp"]))
    check("version", type(document["version"]) is int and document["version"] >= 1)
    check("no statements", document["statements"])
    different("statements", document["statements"])
    for statement in document["statements"]:
        keys("statement", statement, ["vulnerability", "status"],
             ["@id", "version", "vulnerability", "timestamp", "last_updated", "products", "status", "supplier", "status_notes",
              "justification", "impact_statement", "action_statement", "action_statement_timestamp"])
        keys("vulnerability", statement["vulnerability"], ["name"], ["@id", "name", "description", "aliases"])
        status = statement["status"]
        check(f"status {status}", status in ("not_affected", "affected", "fixed", "under_investigation"))
        check("not_affected has a justification and no impact statement, others neither",
              ("justification" in statement) == (status == "not_affected") and "impact_statement" not in statement)
        check("justification", statement.get("justification", "vulnerable_code_not_in_execute_path") == "vulnerable_code_not_in_execute_path")
        check("affected has an action statement", ("action_statement" in statement) == (status == "affected"))
        for product in statement["products"]:
            keys("product", product, ["@id"], ["@id", "identifiers", "hashes", "subcomponents"])
            check(f"product {product['@id']}", is_uri(product["@id"]))
            if "identifiers" in product:
                keys("identifiers", product["identifiers"], ["purl"], ["purl"])
                check(f"purl {product['identifiers']['purl']}", is_purl(product["identifiers"]["purl"]))
            different("subcomponents", product["subcomponents"])
            for part in product["subcomponents"]:
                keys("subcomponent", part, ["@id"], ["@id", "identifiers", "hashes"])
                check(f"subcomponent {part['@id']}", is_uri(part["@id"]))
            yield status, product["@id"]


def cyclonedx(document):
    keys("document", document, ["bomFormat", "specVersion", "version"],
         ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "vulnerabilities"])
    check("bomFormat", document["bomFormat"] == "CycloneDX" and document["specVersion"] == "1.5" and document["version"] == 1)
    check("serialNumber", re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", document["serialNumber"]))
    keys("metadata", document["metadata"], ["timestamp"], ["timestamp", "tools", "authors"])
    check("timestamp", is_time(document["metadata"]["timestamp"]))
    components = document["components"] + document["metadata"]["tools"]["components"]
    refs = [component["bom-ref"] for component in components]
    check("every bom-ref is there once", len(refs) == len(set(refs)))
    for component in components:
        keys("component", component, ["type", "name"], ["type", "bom-ref", "name", "version", "purl"])
        check("component type", component["type"] in ("application", "library"))
        check(f"purl {component.get('purl')}", is_purl(component.get("purl", "pkg:deb/debian/a@1?arch=all")))
    different("vulnerabilities", document["vulnerabilities"])
    for vulnerability in document["vulnerabilities"]:
        keys("vulnerability", vulnerability, ["id"], ["id", "recommendation", "analysis", "affects", "properties"])
        analysis = vulnerability["analysis"]
        keys("analysis", analysis, ["state"], ["state", "justification", "detail"])
        state = analysis["state"]
        check(f"state {state}", state in ("not_affected", "in_triage", "exploitable"))
        check("not_affected has a justification, others none",
              analysis.get("justification") == ("code_not_reachable" if state == "not_affected" else None))
        for one in vulnerability["properties"]:
            keys("property", one, ["name", "value"], ["name", "value"])
        for target in vulnerability["affects"]:
            keys("affects", target, ["ref"], ["ref"])
            check("affects a component", target["ref"] in refs)
            yield {"in_triage": "under_investigation", "exploitable": "affected"}.get(state, state), target["ref"]


document = json.load(sys.stdin)
rows = sorted(f"{status} {name.split('/')[-1]}" for status, name in {"openvex": openvex, "cyclonedx": cyclonedx}[sys.argv[1]](document))
if os.environ.get("MATR_VEX_SCHEMA"):
    import jsonschema
    with open(os.environ["MATR_VEX_SCHEMA"]) as file:
        jsonschema.validate(document, json.load(file))
for problem in problems:
    print("problem:", problem)
print("\n".join(rows))
sys.exit(bool(problems))
