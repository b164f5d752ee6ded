"""`python -m expsdk` is the command `expsdk`."""

from expsdk.cli.app import main

if __name__ == "__main__":
    main()
