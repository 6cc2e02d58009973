# Sourced by ./sonde and ./test: makes sure that the Debian packages of some sections of packages.txt are there.
# Everything it says goes to standard error.

# packages_of SECTION… : the packages of those sections, one a line, but for those whose command is there already.
packages_of() {
  local package command section='' wanted=" $* "
  while read -r package command; do
    case $package in
      '' | '#'*) ;;
      '['*']') section=${package:1:-1} ;;
      *)
        [[ $wanted == *" $section "* ]] || continue
        [ -n "$command" ] && command -v "$command" >/dev/null && continue
        printf '%s\n' "$package"
        ;;
    esac
  done <"$root/tools/packages.txt"
  return 0
}

# ensure_packages WHO PURPOSE SECTION… : installs what is missing, with one line that says what and why. Fails when it
# cannot; says by then what to do.
ensure_packages() {
  local who=$1 purpose=$2 wanted present package missing=() as_root=()
  shift 2
  mapfile -t wanted < <(packages_of "$@")
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    command -v cmake >/dev/null && command -v ninja >/dev/null && command -v c++ >/dev/null && return 0
    printf '%s: this is not a Debian system; %s needs what Debian calls: %s\n' "$who" "$purpose" "${wanted[*]}" >&2
    return 1
  fi
  present=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' "${wanted[@]}" 2>/dev/null || true)"
  for package in "${wanted[@]}"; do
    [[ $present == *" installed=$package "* ]] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0

  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      printf '%s: %s needs packages that are missing; as root: apt-get install %s\n' "$who" "$purpose" "${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  printf '%s: installing with apt-get what %s needs and this system lacks: %s\n' "$who" "$purpose" "${missing[*]}" >&2
  install_packages "${missing[@]}" && return 0
  printf '%s: the installation failed; by hand, as root: apt-get install %s\n' "$who" "${missing[*]}" >&2
  return 1
}

# Servers among the packages are not started by their installation: the tests start their own. Uses as_root.
install_packages() {
  local log policy=/usr/sbin/policy-rc.d status=0
  log=$(mktemp)
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null && "${as_root[@]}" chmod 755 $policy
  else
    policy=''
  fi
  {
    "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
      install -y -qq --no-install-recommends "$@"
  } </dev/null >"$log" 2>&1 || status=1
  [ -n "$policy" ] && "${as_root[@]}" rm -f "$policy"
  [ $status -eq 0 ] || tail -n 30 "$log" >&2
  rm -f "$log"
  return $status
}
