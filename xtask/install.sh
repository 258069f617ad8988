#!/bin/sh
# Installs the programs that builds and tests of dsync need, from the system's packages.
#
#   xtask/install.sh PROGRAM...    where PROGRAM is cc, git, go, redis-server, dockerd or docker
#
# As root, or if `sudo -n` works, it installs the missing programs and prints one line. Otherwise it
# prints the command to run. It starts no services: the tests start their own servers.
#
# Exit status: 0 all programs are installed, 1 a package could not be installed, 3 no permission.
set -u

# One build can run this script twice at the same time; the second run finds everything installed.
if command -v flock >/dev/null; then
  exec 9<"$0"
  flock 9
fi

missing=
for program in "$@"; do
  command -v "$program" >/dev/null || missing="$missing $program"
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null; then
  manager=apt-get
elif command -v dnf >/dev/null; then
  manager=dnf
elif command -v brew >/dev/null; then
  manager=brew
else
  echo "missing:$missing; install them with the package manager of this system" >&2
  exit 3
fi

packages=
for program in $missing; do
  case $manager:$program in
    apt-get:cc) package=build-essential ;;
    apt-get:go) package=golang-go ;;
    apt-get:dockerd) package=docker.io ;;
    # Debian 12 has it in docker.io, which is installed first.
    apt-get:docker) package=docker-cli ;;
    dnf:cc) package=gcc ;;
    dnf:go) package=golang ;;
    # Fedora ships the program in packages of different names.
    dnf:redis-server) package=/usr/bin/redis-server ;;
    brew:redis-server) package=redis ;;
    *) package=$program ;;
  esac
  packages="$packages $package"
done

if [ "$manager" = brew ]; then
  # Homebrew refuses to run as root, and does not ask for a password.
  echo "missing:$missing; run: brew install$packages" >&2
  exit 3
elif [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root='sudo -n '
else
  echo "missing:$missing; run: sudo $manager install$packages" >&2
  exit 3
fi

echo "installing$missing: $as_root$manager install$packages" >&2
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
mark='# Written by xtask/install.sh of dsync for as long as it installs packages.'
made_policy=
finish() {
  [ -z "$made_policy" ] || $as_root rm -f "$policy"
  rm -f "$log"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

install_packages() {
  case $manager in
    dnf) $as_root dnf install -y $packages ;;
    apt-get)
      # Debian starts the service of a package unless this script denies it. One that an earlier run
      # left behind when it was killed is removed at the end as well.
      if [ ! -e "$policy" ] || grep -qxF "$mark" "$policy"; then
        made_policy=yes
        printf '#!/bin/sh\n%s\nexit 101\n' "$mark" | $as_root tee "$policy" && $as_root chmod +x "$policy"
      fi
      apt='env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30'
      # The time limit does not cover the lock of the package lists, which a machine takes right after
      # it has booted.
      tries=0
      until $as_root$apt update || [ "$tries" -ge 20 ] || ! tail -n 5 "$log" | grep -q 'Could not get lock'; do
        tries=$((tries + 1))
        sleep 10
      done
      # One package that cannot be installed must not keep the others out.
      $as_root$apt install --no-install-recommends $packages || {
        failed=
        for package in $packages; do
          $as_root$apt install --no-install-recommends "$package" || failed=yes
        done
        [ -z "$failed" ] || return 1
      }
      # Nor does a service start at the next boot.
      if command -v systemctl >/dev/null; then
        for program in $missing; do
          case $program in
            redis-server) $as_root systemctl disable redis-server || true ;;
            dockerd) $as_root systemctl disable docker containerd || true ;;
          esac
        done
      fi
      ;;
  esac
}
if ! install_packages >"$log" 2>&1 </dev/null; then
  tail -n 5 "$log" >&2
  echo "could not install$packages, see above; once that is solved, run: $as_root$manager install$packages" >&2
  exit 1
fi
for program in $missing; do
  command -v "$program" >/dev/null || {
    echo "$packages is installed, but $program is not on PATH" >&2
    exit 1
  }
done
