"""The conformance statement as a page: docs/conformance.md in the sections of PS3.2, with what this installation is set to."""
