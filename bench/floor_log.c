// The floor of the log row: floor_log FILE reads standard input in pieces of 64 KiB and writes them to FILE.
#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  static char piece[65536];
  if (argc < 2)
    return 2;
  int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0)
    return 1;
  for (;;) {
    ssize_t got = read(0, piece, sizeof piece);
    if (got <= 0)
      return got < 0;
    for (ssize_t done = 0; done < got;) {
      ssize_t n = write(file, piece + done, (size_t)(got - done));
      if (n < 0)
        return 1;
      done += n;
    }
  }
}
