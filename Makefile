.DEFAULT_GOAL := help
.PHONY: help run test check fmt bench prove reset lock
PY := .venv/bin/python

help:  ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 8

run:  ## start everything: web, worker, beat, broker; PORT=8000 by default
	@config/bootstrap.sh requirements.lock
	@exec $(PY) -m config.up

test:  ## run every test, on SQLite and on PostgreSQL; ARGS="…" goes to pytest
	@config/bootstrap.sh requirements-dev.lock
	@exec $(PY) -m tests.run $(ARGS)

check:  ## run every linter and type check
	@config/bootstrap.sh requirements-dev.lock
	@exec $(PY) -m tests.check

fmt:  ## format the code
	@config/bootstrap.sh requirements-dev.lock
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix . && git ls-files '*.html' | xargs $(PY) -m djade

bench:  ## run the benchmarks; ARGS=name runs one
	@config/bootstrap.sh requirements-dev.lock
	@exec $(PY) -m benchmarks $(ARGS)

prove:  ## run the long proofs on both databases: many more random histories, then every mutant of the domain (not in CI; docs/proofs.md has the last figures)
	@config/bootstrap.sh requirements-dev.lock
	@HYPOTHESIS_PROFILE=prove $(PY) -m tests.run -q -n 2 --dist loadgroup tests/portfolio tests/signals/domain tests/journal tests/faults $(ARGS)
	@exec $(PY) -m tests.mutation

reset:  ## delete all data, after asking
	@printf 'This deletes every portfolio, rotation and account in %s. Type "delete" to go on: ' "$${DATA_DIR:-var}"; \
	  read answer && [ "$$answer" = delete ] && rm -rf "$${DATA_DIR:-var}" && echo "Deleted." || echo "Nothing was deleted."

lock:  ## compile the lock files anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header -q -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header -q -c requirements.lock -o requirements-dev.lock
