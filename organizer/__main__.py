"""`python -m organizer` is `organizer`."""

from organizer.cli.main import main

if __name__ == "__main__":
    main()
