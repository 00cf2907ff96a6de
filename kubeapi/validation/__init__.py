"""The rules that several kinds share, by what they are about; each answers field errors and never raises."""
