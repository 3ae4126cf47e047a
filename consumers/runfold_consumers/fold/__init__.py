"""The pure fold: records and known rows in, changes out. Neither broker, nor database, nor clock."""
