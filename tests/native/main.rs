mod playlist;
