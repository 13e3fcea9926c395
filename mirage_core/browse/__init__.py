"""A page to look at any data set in the browser: `python -m mirage_core.browse FOLDER`."""
