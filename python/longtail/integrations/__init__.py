"""Other packages that longtail plugs into; a module here imports the package that it is for."""
