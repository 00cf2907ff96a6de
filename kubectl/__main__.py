"""`python -m kubectl`."""
from kubectl.main import main

if __name__ == "__main__":
    raise SystemExit(main())
