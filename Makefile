# A thin face on Meson and ninja: `make help` lists what there is.  Plain make, nothing of GNU's.
MESON = meson
NINJA = ninja
# Of `make install`; DESTDIR reaches meson through the environment.
PREFIX = /usr/local
# Of the builds with sanitizers, which are clang's.
SANITIZE = -Dtests=enabled -Db_lundef=false
# Of `make demo`: the capture to be split; without one, a capture is generated.
CAPTURE =
# Of `make fuzz` and `make soak`: how long each fuzzer runs.
FUZZ_SECONDS = 60
SOAK_SECONDS = 3600

all: build/build.ninja
	@$(NINJA) -C build
	@mkdir -p bin
	@ln -sfn ../build/src/daemon/pacf bin/pacf
	@ln -sfn ../build/src/shim/pacf-run bin/pacf-run
	@ln -sfn ../build/src/tools/pacf-gen bin/pacf-gen
	@ln -sfn ../build/src/tools/pacfctl bin/pacfctl

help:
	@echo 'make                      builds everything; the programs are in bin/'
	@echo 'make demo [CAPTURE=FILE]  splits a capture over four tcpdumps and counts what they got'
	@echo 'make test                 runs all tests, and some again under ASan, UBSan and TSan'
	@echo 'make bench                prints what the data plane costs'
	@echo 'make bench-live           the same for capturing from an interface, beside netsniff-ng (root)'
	@echo 'make bench-netmap         packets per second by netmap, beside its own lb (needs NETMAP_KO, NETMAP_APPS)'
	@echo 'make fuzz                 fuzzes the parser and both sockets, each for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'make msan                 runs the parser under MemorySanitizer over all captures'
	@echo 'make lint                 checks layers, sizes and format of the source'
	@echo 'make soak                 the long form of the tests; fuzzes for SOAK_SECONDS ($(SOAK_SECONDS))'
	@echo 'make deb                  builds the Debian packages into build/deb (debhelper)'
	@echo 'make install              installs below PREFIX ($(PREFIX)), in DESTDIR if given'
	@echo 'make clean                removes everything that was built'
	@echo 'demo and test first install missing packages on Debian and Ubuntu, and say which.'

demo: deps-build
	@$(MAKE) all
	@sh tools/demo.sh '$(CAPTURE)'

test: test-builds
	@sh tools/run-tests.sh build build-asan:unit,fuzz,control build-tsan:unit

bench: all
	@$(MESON) test -C build --benchmark --no-rebuild --verbose --no-suite live --no-suite netmap

bench-live: build-with-tests
	@$(MESON) test -C build --benchmark --no-rebuild --verbose --suite live

bench-netmap: build-with-tests
	@$(MESON) test -C build --benchmark --no-rebuild --verbose --suite netmap

fuzz: build-fuzz/build.ninja
	@$(NINJA) -C build-fuzz test/fuzz/fuzz-parse test/fuzz/fuzz-remote
	@mkdir -p build-fuzz/corpus build-fuzz/corpus-remote
	build-fuzz/test/fuzz/fuzz-parse -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		-artifact_prefix=build-fuzz/ build-fuzz/corpus test/fuzz/corpus/parse
	@$(NINJA) -C build-fuzz test/fuzz/fuzz-attach
	@mkdir -p build-fuzz/corpus-attach
	build-fuzz/test/fuzz/fuzz-attach -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		-artifact_prefix=build-fuzz/ build-fuzz/corpus-attach test/fuzz/corpus/attach
	build-fuzz/test/fuzz/fuzz-remote -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		-artifact_prefix=build-fuzz/ build-fuzz/corpus-remote test/fuzz/corpus/remote

lint: build-with-tests
	@$(MESON) test -C build --no-rebuild --print-errorlogs --suite lint

soak: test-builds
	@PACF_SOAK=1 sh tools/run-tests.sh build build-asan:unit,fuzz,control build-tsan:unit
	@$(MAKE) msan
	@$(MAKE) fuzz FUZZ_SECONDS=$(SOAK_SECONDS)

# The parser over the corpus and every packet of the traces: no use of what was never set.
msan: build-msan/build.ninja
	@$(NINJA) -C build-msan test/fuzz/fuzz-parse-replay
	build-msan/test/fuzz/fuzz-parse-replay test/fuzz/corpus/parse
	@python3 test/fuzz/traces.py build-msan/test/fuzz/fuzz-parse-replay || [ $$? = 77 ]

deb:
	@sh tools/deb.sh . build/deb

install: all
	@$(MESON) configure build --prefix '$(PREFIX)'
	@$(MESON) install -C build

clean:
	rm -rf build build-asan build-tsan build-msan build-fuzz bin

deps-build:
	@sh tools/deps.sh build

deps-test:
	@sh tools/deps.sh test

build/build.ninja:
	$(MESON) setup build --buildtype debugoptimized

# A build that was set up before the tests' libraries and tools were there looks for them again.
build-with-tests: deps-test build/build.ninja
	@$(MESON) setup --reconfigure build -Dtests=enabled
	@$(MAKE) all

test-builds: build-with-tests build-asan/build.ninja build-tsan/build.ninja
	@$(NINJA) -C build-asan
	@$(NINJA) -C build-tsan

build-asan/build.ninja: deps-test
	@[ -f $@ ] || CC=clang $(MESON) setup build-asan $(SANITIZE) -Db_sanitize=address,undefined

build-tsan/build.ninja: deps-test
	@[ -f $@ ] || CC=clang $(MESON) setup build-tsan $(SANITIZE) -Db_sanitize=thread

build-msan/build.ninja: deps-test
	@[ -f $@ ] || CC=clang $(MESON) setup build-msan $(SANITIZE) -Db_sanitize=memory

build-fuzz/build.ninja: deps-test
	@[ -f $@ ] || CC=clang $(MESON) setup build-fuzz $(SANITIZE) -Dfuzz=true

.NOTPARALLEL:
.PHONY: all deb help demo test bench bench-live fuzz lint soak msan install clean deps-build deps-test build-with-tests test-builds
