export function EyeIcon({ open }: { open: boolean }) {
  return (
    <svg
      class="eye"
      width="15"
      height="15"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      aria-hidden="true"
    >
      <path d="M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8Z" />
      {open ? <circle cx="8" cy="8" r="2" fill="currentColor" stroke="none" /> : <path d="M3 13 13 3" />}
    </svg>
  );
}
