#!/bin/sh
# Runs meson tests of several build folders and adds up what came out.  Called by the Makefile:
#
#     tools/run-tests.sh build build-asan:unit,fuzz build-tsan:unit
#
# Each word is a build folder, after a colon the suites to run there (none: all).  The last line is
# always `N passed, N failed, N skipped`; the exit status is 0 only if something ran and nothing failed.
set -u

results=$(mktemp -d "${TMPDIR:-/tmp}/pacf-results.XXXXXX") || exit 1
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

run() {
	build=${1%%:*}
	log=$build/meson-logs/testlog.json
	rm -f "$log"
	suites=
	case $1 in
	*:*) suites=$(echo "${1#*:}" | tr ',' '\n' | sed 's/^/--suite=/') ;;
	esac
	echo "== $1"
	# shellcheck disable=SC2086
	meson test -C "$build" --print-errorlogs --no-rebuild $suites
	status=$?
	printf '%s\t%s\t%s\n' "$1" "$status" "$log" >>"$results/runs"
}

for word; do
	run "$word"
done
touch "$results/runs"
exec python3 - "$results/runs" <<'END'
import json, sys

PASSED, SKIPPED = ("OK", "EXPECTEDFAIL"), ("SKIP",)
passed, failed, skipped = 0, [], []
for line in open(sys.argv[1]):
    name, status, log = line.rstrip("\n").split("\t")
    before = len(failed)
    try:
        with open(log) as file:
            tests = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as error:
        failed.append(f"{name}: no results: {error}")
        continue
    if not tests:
        failed.append(f"{name}: no tests ran")
    for test in tests:
        if test["result"] in PASSED:
            passed += 1
        elif test["result"] in SKIPPED:
            skipped.append(f'{name}: {test["name"]}')
        else:
            failed.append(f'{name}: {test["name"]}: {test["result"]}')
    # Something went wrong that no test's result tells.
    if status != "0" and len(failed) == before:
        failed.append(f"{name}: meson test ended with status {status}")
if not passed and not failed:
    failed.append("no tests ran")
for title, items in (("skipped", skipped), ("failed", failed)):
    for item in items:
        print(f"{title}: {item}")
print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
sys.exit(1 if failed else 0)
END
