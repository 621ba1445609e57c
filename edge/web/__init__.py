"""The web screen: live count, history and downloads in a browser, on this machine or on a phone beside it."""
