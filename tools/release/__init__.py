"""Steps of tools/make-wheel (docs/releasing.md)."""
