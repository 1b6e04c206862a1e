# SPDX-License-Identifier: Apache-2.0
# What examples made from a package share: the package, of the format $(FORMAT), for the target $(TARGET).

EDGECNN ?= edgecnn
TARGET ?= c99
PACKAGE = build/edgecnn_model

$(PACKAGE)/README.md: build/model.tflite
	$(EDGECNN) export $< --out $(PACKAGE) --name model --format $(FORMAT) --target $(TARGET)

# Looked at every time, and copied only where it differs: another MODEL may be older than what is built.
build/model.tflite: FORCE
	$(if $(MODEL),,$(error say which model: make MODEL=model_int8.tflite))
	@mkdir -p build
	@cmp -s "$(MODEL)" $@ || cp "$(MODEL)" $@

.PHONY: clean FORCE
clean:
	rm -rf build
