include { staged } from './inputs'

process PREPARE {
    tag "${meta.id}"
    label 'scan'

    input:
    tuple val(meta), path(image, stageAs: 'image/*'), path(brain, stageAs: 'brain/*')
    val conform
    val code

    output:
    tuple val(meta), path("prepared/${meta.id}"), emit: prepared
    path "published/prepared/${meta.id}/*", emit: published

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'prepare.py' ${staged('image', image)} --scan ${meta.id} ${brain ? "--brain ${staged('brain', brain)}" : ''} --out prepared/${meta.id} \\
        --strip ${conform.steps.strip} ${conform.steps.bias ? '--bias' : '--no-bias'} \\
        ${conform.steps.register ? '--register' : '--no-register'} --device cpu
    # Apart: Nextflow publishes no file of a folder that is an output itself
    mkdir -p published
    cp -r prepared published/
    """

    stub:
    """
    'prepare.py' --help > /dev/null
    mkdir -p {.,published}/prepared/${meta.id}
    touch {.,published}/prepared/${meta.id}/{preparation.json,picture.png,brain.nii.gz}
    """
}
